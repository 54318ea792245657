class TestModule(object):
    def tests(self):
        return {"forged": lambda value: value.startswith("forged")}
