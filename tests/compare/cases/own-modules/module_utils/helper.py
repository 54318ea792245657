def decorated(text):
    return "<" + text + ">"
