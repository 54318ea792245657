//! Calls of functions, macros, methods, filters and tests.

use minijinja::machinery::Span;
use minijinja::machinery::ast::{self, CallArg, CallType};
use minijinja::value::Kwargs;
use minijinja::{ErrorKind, Value};

use super::objects::{Cycle, Loop, Macro, Module, Native};
use super::{Fault, Flow, Interpreter, natives};
use crate::template::plugins::Kind;
use crate::template::python::{self, is_missing};

/// The arguments of a call.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) positional: Vec<Value>,
    pub(super) named: Vec<(String, Value)>,
}

impl Arguments {
    pub(super) fn kwargs(&self) -> Kwargs {
        Kwargs::from_iter(self.named.iter().map(|(name, value)| (name.as_str(), value.clone())))
    }

    /// An argument by position or name.
    pub(super) fn get(&self, position: usize, name: &str) -> Option<Value> {
        self.positional
            .get(position)
            .or_else(|| self.named.iter().find(|(known, _)| known == name).map(|(_, value)| value))
            .cloned()
    }

    /// As minijinja's functions take them: the named ones last.
    pub(super) fn flat(&self, first: Option<Value>) -> Vec<Value> {
        let mut values: Vec<Value> = first.into_iter().chain(self.positional.iter().cloned()).collect();
        if !self.named.is_empty() {
            values.push(Value::from(self.kwargs()));
        }
        values
    }

    /// One that is missing.
    fn missing(&self) -> Option<&Value> {
        let named = self.named.iter().map(|(_, value)| value);
        self.positional.iter().chain(named).find(|value| is_missing(value))
    }
}

impl Interpreter<'_> {
    pub(super) fn arguments(&mut self, given: &'static [CallArg<'static>]) -> Flow<Arguments> {
        let mut arguments = Arguments::default();
        for argument in given {
            match argument {
                CallArg::Pos(expression) => arguments.positional.push(self.value(expression)?),
                CallArg::Kwarg(name, expression) => {
                    arguments.named.push(((*name).to_owned(), self.value(expression)?));
                }
                CallArg::PosSplat(expression) => {
                    let list = self.present(expression)?;
                    arguments.positional.extend(python::iterate(&list)?);
                }
                CallArg::KwargSplat(expression) => {
                    let mapping = self.present(expression)?;
                    let pairs = python::pairs(&mapping)?;
                    arguments.named.extend(
                        pairs.into_iter().map(|(key, value)| (crate::template::to_text(&key), value)),
                    );
                }
            }
        }
        Ok(arguments)
    }

    /// Arguments that must all be there.
    fn present_arguments(&mut self, given: &'static [CallArg<'static>], span: Span) -> Flow<Arguments> {
        let arguments = self.arguments(given)?;
        match arguments.missing() {
            Some(missing) => Err(Fault::missing(missing).at(span, self.file())),
            None => Ok(arguments),
        }
    }

    pub(super) fn call(&mut self, call: &'static ast::Spanned<ast::Call<'static>>) -> Flow<Value> {
        let result = match call.identify_call() {
            CallType::Function("super") => self.super_block(),
            CallType::Block(name) => self.capture_block(name),
            CallType::Function(name) => {
                let function = self.read(name, call.span())?;
                self.call_value(&function, name, &call.args, call.span())
            }
            CallType::Method(object, name) => {
                let object = self.value(object)?;
                self.call_method(&object, name, &call.args, call.span())
            }
            CallType::Object(expression) => {
                let function = self.value(expression)?;
                self.call_value(&function, "the value", &call.args, call.span())
            }
        };
        result.map_err(|fault| fault.at(call.span(), self.file()))
    }

    fn call_value(
        &mut self,
        function: &Value,
        name: &str,
        given: &'static [CallArg<'static>],
        span: Span,
    ) -> Flow<Value> {
        // What is made with something missing is missing, too.
        if is_missing(function) {
            return Ok(function.clone());
        }
        if let Some(function) = function.downcast_object_ref::<Macro>() {
            let arguments = self.arguments(given)?;
            return self.call_macro(function, arguments);
        }
        if let Some(this) = function.downcast_object_ref::<Loop>() {
            let arguments = self.present_arguments(given, span)?;
            return self.call_loop(this, arguments.positional.first());
        }
        let arguments = self.arguments(given)?;
        if let Some(missing) = arguments.missing().filter(|_| name != "undef") {
            return Ok(missing.clone());
        }
        if let Some(method) = function.downcast_object_ref::<python::Method>() {
            return Ok(method.call(&arguments.positional, &arguments.kwargs())?);
        }
        if let Some(native) = function.downcast_object_ref::<Native>() {
            return natives::function(native.0, &arguments);
        }
        if let Some(said) = function.downcast_object_ref::<Cycle>().and_then(Cycle::joined) {
            return Ok(said);
        }
        match function.kind() {
            minijinja::value::ValueKind::Plain => Ok(function.call(&mut self.state, &arguments.flat(None))?),
            _ => Err(Fault::new(format!("'{}' object is not callable", python::type_name(function)))),
        }
    }

    fn call_method(
        &mut self,
        object: &Value,
        name: &'static str,
        given: &'static [CallArg<'static>],
        span: Span,
    ) -> Flow<Value> {
        if let Some(module) = object.downcast_object_ref::<Module>() {
            let function = module.get(name).ok_or_else(|| {
                Fault::new(format!("the template does not export the requested name '{name}'"))
            })?;
            return self.call_value(&function, name, given, span);
        }
        if is_missing(object) {
            return Ok(object.clone());
        }
        let arguments = self.arguments(given)?;
        if let Some(this) = object.downcast_object_ref::<Loop>() {
            return Ok(this.method(name, &arguments.positional)?);
        }
        if let Some(cycle) = object.downcast_object_ref::<Cycle>() {
            return Ok(cycle.method(name)?);
        }
        // What a list or mapping takes in may be missing; it is an error when it is used.
        let takes_in = matches!(name, "append" | "insert" | "get" | "setdefault");
        if let Some(missing) = arguments.missing().filter(|_| !takes_in) {
            return Ok(missing.clone());
        }
        if let Some(result) = python::call_method(object, name, &arguments.positional, &arguments.kwargs()) {
            return Ok(result?);
        }
        // An attribute may be something to call.
        let attribute = python::attribute(object, name);
        if is_missing(&attribute) {
            return Err(Fault::missing(&attribute));
        }
        self.call_value(&attribute, name, given, span)
    }

    /// Applies a filter to a value.
    pub(super) fn filter(
        &mut self,
        filter: &'static ast::Spanned<ast::Filter<'static>>,
        value: Value,
    ) -> Flow<Value> {
        let arguments = self.arguments(&filter.args)?;
        self.apply(filter.name, value, &arguments).map_err(|fault| fault.at(filter.span(), self.file()))
    }

    /// Applies a filter by name.
    pub(super) fn apply(&mut self, full: &str, value: Value, arguments: &Arguments) -> Flow<Value> {
        let name = short(full);
        if !matches!(name, "default" | "d" | "mandatory" | "ternary" | "type_debug")
            && let Some(missing) =
                Some(&value).filter(|value| is_missing(value)).or_else(|| arguments.missing())
            // With another password, what could not be decrypted may be.
            && !(name == "unvault" && self.engine.vault().sealed(missing).is_some())
        {
            return Ok(missing.clone());
        }
        let plugins = self.engine.plugins();
        if plugins.stands_for(Kind::Filter, full)? {
            return self.in_python(Kind::Filter, full, value, arguments);
        }
        if let Some(result) = self.native_filter(name, &value, arguments) {
            return result;
        }
        match self.state.apply_filter(name, &arguments.flat(Some(value.clone()))) {
            Err(error) if error.kind() == ErrorKind::UnknownFilter && plugins.has(Kind::Filter, full) => {
                self.in_python(Kind::Filter, full, value, arguments)
            }
            result => Ok(result?),
        }
    }

    /// Calls a filter or a test that is written in Python.
    fn in_python(&self, kind: Kind, full: &str, value: Value, arguments: &Arguments) -> Flow<Value> {
        let given: Vec<Value> = std::iter::once(value).chain(arguments.positional.iter().cloned()).collect();
        Ok(self.engine.plugins().call(kind, full, &given, &arguments.named)?)
    }

    /// Whether a test holds.
    pub(super) fn test(&mut self, test: &'static ast::Spanned<ast::Test<'static>>) -> Flow<bool> {
        let value = self.value(&test.expr)?;
        let arguments = self.arguments(&test.args)?;
        self.check(test.name, value, &arguments).map_err(|fault| fault.at(test.span(), self.file()))
    }

    /// Whether a test holds, by name.
    pub(super) fn check(&mut self, full: &str, value: Value, arguments: &Arguments) -> Flow<bool> {
        let name = short(full);
        match name {
            "defined" | "undefined" => {
                let missing = is_missing(&value);
                if let Some(missing) = value.downcast_object_ref::<python::Missing>()
                    && !missing.is_undefined()
                {
                    return Err(Fault::missing(&value));
                }
                return Ok(missing == (name == "undefined"));
            }
            "vault_encrypted" if self.engine.vault().sealed(&value).is_some() => return Ok(true),
            _ => {}
        }
        if let Some(missing) = Some(&value).filter(|value| is_missing(value)).or_else(|| arguments.missing())
        {
            return Err(Fault::missing(missing));
        }
        let plugins = self.engine.plugins();
        if plugins.stands_for(Kind::Test, full)? {
            return Ok(self.in_python(Kind::Test, full, value, arguments)?.is_true());
        }
        if let Some(result) = natives::test(name, &value, arguments) {
            return Ok(result?);
        }
        match self.state.perform_test(name, &arguments.flat(Some(value.clone()))) {
            Err(error) if error.kind() == ErrorKind::UnknownTest && plugins.has(Kind::Test, full) => {
                Ok(self.in_python(Kind::Test, full, value, arguments)?.is_true())
            }
            result => Ok(result?),
        }
    }
}

/// The name without the collection it comes from.
fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
