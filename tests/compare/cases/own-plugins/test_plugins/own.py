class TestModule(object):
    def tests(self):
        return {"loud": lambda text: text.isupper(), "longer_than": lambda text, size: len(text) > size}
