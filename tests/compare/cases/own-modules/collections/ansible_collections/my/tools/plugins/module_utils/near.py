def near():
    return "near"
