//! Expressions.

use minijinja::Value;
use minijinja::machinery::Span;
use minijinja::machinery::ast::{self, BinOpKind, CompareOpKind, Expr, UnaryOpKind};
use minijinja::value::Tuple;

use super::{Fault, Flow, Interpreter};
use crate::template::evaluation::deeper;
use crate::template::python::{self, Dict, List, Missing, Order, is_missing};
use crate::template::to_text;

impl Interpreter<'_> {
    /// The value of an expression; it may be missing.
    pub(super) fn value(&mut self, expression: &'static Expr<'static>) -> Flow<Value> {
        deeper(|| self.evaluate(expression))
    }

    fn evaluate(&mut self, expression: &'static Expr<'static>) -> Flow<Value> {
        match expression {
            Expr::Var(var) => self.read(var.id, var.span()),
            Expr::Const(constant) => Ok(constant.value.clone()),
            Expr::List(list) => self.values(&list.items).map(List::value),
            Expr::Tuple(tuple) => self.values(&tuple.items).map(|items| Value::from(Tuple::from(items))),
            Expr::Map(map) => {
                let mut pairs = Vec::with_capacity(map.keys.len());
                for (key, value) in map.keys.iter().zip(&map.values) {
                    pairs.push((self.present(key)?, self.value(value)?));
                }
                Ok(Dict::value(pairs))
            }
            Expr::GetAttr(attribute) => {
                let value = self.value(&attribute.expr)?;
                if is_missing(&value) { Ok(value) } else { Ok(self.attribute(&value, attribute.name)) }
            }
            Expr::GetItem(item) => {
                let value = self.value(&item.expr)?;
                let key = self.present(&item.subscript_expr)?;
                if is_missing(&value) {
                    return Ok(value);
                }
                let found = python::item(&value, &key);
                self.placed(found, item.span())
            }
            Expr::Slice(slice) => self.slice(slice, expression.span()),
            Expr::UnaryOp(unary) => {
                let value = self.present(&unary.expr)?;
                match unary.op {
                    UnaryOpKind::Not => Ok(Value::from(!value.is_true())),
                    UnaryOpKind::Neg => {
                        let negated = python::negate(&value);
                        self.placed(negated, unary.span())
                    }
                }
            }
            Expr::BinOp(operation) => self.binary(operation, expression.span()),
            Expr::Compare(comparison) => {
                let mut left = self.present(&comparison.expr)?;
                for next in &comparison.ops {
                    let right = self.present(&next.expr)?;
                    let holds = compare(next.op, &left, &right);
                    if !self.placed(holds, comparison.span())? {
                        return Ok(Value::from(false));
                    }
                    left = right;
                }
                Ok(Value::from(true))
            }
            Expr::IfExpr(choice) => {
                if self.present(&choice.test_expr)?.is_true() {
                    return self.value(&choice.true_expr);
                }
                match &choice.false_expr {
                    Some(other) => self.value(other),
                    None => Ok(Value::UNDEFINED),
                }
            }
            Expr::Filter(filter) => {
                let value = match &filter.expr {
                    Some(expression) => self.value(expression)?,
                    None => return Err(Fault::new("a filter needs a value")),
                };
                self.filter(filter, value)
            }
            Expr::Test(test) => self.test(test).map(Value::from),
            Expr::Call(call) => self.call(call),
        }
    }

    /// The value of an expression, which must be there.
    pub(super) fn present(&mut self, expression: &'static Expr<'static>) -> Flow<Value> {
        let value = self.value(expression)?;
        self.used(value, expression.span())
    }

    /// A value that is used, so that it must be there.
    pub(super) fn used(&self, value: Value, span: Span) -> Flow<Value> {
        if is_missing(&value) {
            return Err(Fault::missing(&value).at(span, self.file()));
        }
        Ok(value)
    }

    /// An outcome whose error is at a place.
    pub(super) fn placed<T>(&self, outcome: Result<T, minijinja::Error>, span: Span) -> Flow<T> {
        outcome.map_err(|error| Box::<Fault>::from(error).at(span, self.file()))
    }

    fn values(&mut self, expressions: &'static [Expr<'static>]) -> Flow<Vec<Value>> {
        expressions.iter().map(|expression| self.value(expression)).collect()
    }

    fn slice(&mut self, slice: &'static ast::Slice<'static>, span: Span) -> Flow<Value> {
        let value = self.value(&slice.expr)?;
        if is_missing(&value) {
            return Ok(value);
        }
        let mut bounds = [None, None, None];
        for (bound, expression) in bounds.iter_mut().zip([&slice.start, &slice.stop, &slice.step]) {
            *bound = match expression {
                Some(expression) => Some(self.present(expression)?),
                None => None,
            };
        }
        let [start, stop, step] = bounds;
        let part = python::slice(&value, start.as_ref(), stop.as_ref(), step.as_ref());
        self.placed(part, span)
    }

    fn binary(&mut self, operation: &'static ast::BinOp<'static>, span: Span) -> Flow<Value> {
        let left = self.present(&operation.left)?;
        match operation.op {
            BinOpKind::ScAnd => return if left.is_true() { self.value(&operation.right) } else { Ok(left) },
            BinOpKind::ScOr => return if left.is_true() { Ok(left) } else { self.value(&operation.right) },
            _ => {}
        }
        let right = self.present(&operation.right)?;
        let order = |order: Order| python::compare(order, &left, &right).map(Value::from);
        let result = match operation.op {
            BinOpKind::Eq => Ok(Value::from(python::equal(&left, &right))),
            BinOpKind::Ne => Ok(Value::from(!python::equal(&left, &right))),
            BinOpKind::Lt => order(Order::Less),
            BinOpKind::Lte => order(Order::AtMost),
            BinOpKind::Gt => order(Order::Greater),
            BinOpKind::Gte => order(Order::AtLeast),
            BinOpKind::In => python::contains(&right, &left).map(Value::from),
            BinOpKind::Add => python::add(&left, &right),
            BinOpKind::Sub => python::arithmetic("-", &left, &right),
            BinOpKind::Mul => python::arithmetic("*", &left, &right),
            BinOpKind::Div => python::arithmetic("/", &left, &right),
            BinOpKind::FloorDiv => python::arithmetic("//", &left, &right),
            BinOpKind::Rem => python::arithmetic("%", &left, &right),
            BinOpKind::Pow => python::arithmetic("**", &left, &right),
            BinOpKind::Concat => Ok(Value::from(to_text(&left) + &to_text(&right))),
            BinOpKind::ScAnd | BinOpKind::ScOr => Ok(left.clone()),
        };
        self.placed(result, span)
    }

    /// `value.name`.
    pub(super) fn attribute(&mut self, value: &Value, name: &str) -> Value {
        if let Some(module) = value.downcast_object_ref::<super::objects::Module>() {
            return module.get(name).unwrap_or_else(|| {
                Missing::because(format!("the template does not export the requested name '{name}'"))
            });
        }
        python::attribute(value, name)
    }
}

fn compare(operator: CompareOpKind, left: &Value, right: &Value) -> Result<bool, minijinja::Error> {
    match operator {
        CompareOpKind::Eq => Ok(python::equal(left, right)),
        CompareOpKind::Ne => Ok(!python::equal(left, right)),
        CompareOpKind::Lt => python::compare(Order::Less, left, right),
        CompareOpKind::Lte => python::compare(Order::AtMost, left, right),
        CompareOpKind::Gt => python::compare(Order::Greater, left, right),
        CompareOpKind::Gte => python::compare(Order::AtLeast, left, right),
        CompareOpKind::In => python::contains(right, left),
        CompareOpKind::NotIn => python::contains(right, left).map(|found| !found),
    }
}
