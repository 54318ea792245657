def drive(times):
    return ["nail"] * times
