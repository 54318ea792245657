class FilterModule(object):
    def filters(self):
        return {"forge": lambda value: "forged " + value}
