from jinja2 import pass_context, pass_environment


def shout(text, mark="!", times=1):
    return text.upper() + mark * times


@pass_context
def variable(context, name):
    return context.get(name)


@pass_environment
def joined(environment, items):
    return "-".join(environment.filters["upper"](item) for item in items)


def broken(value):
    raise ValueError("it does not like %s" % value)


class FilterModule(object):
    def filters(self):
        return {
            "shout": shout,
            "variable": variable,
            "joined": joined,
            "broken": broken,
            "nested": lambda value: {"list": [value, {"deep": (1, 2.5, None, True)}]},
            "capitalize": lambda value: "mine: " + value,
        }
