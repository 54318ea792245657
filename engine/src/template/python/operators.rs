//! Operators with Python's rules and Python's complaints.

use std::cmp::Ordering;

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, Value};

use super::containers::{Dict, List};
use super::time::{Duration, Moment};
use super::{LONGEST, is_list, is_mapping, iterate, pairs, percent, raise, type_name};
use crate::template::filters::escape;

/// A number.
#[derive(Clone, Copy)]
enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    fn float(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

fn number(value: &Value) -> Option<Number> {
    match value.kind() {
        ValueKind::Bool => Some(Number::Int(i128::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => i128::try_from(value.clone()).ok().map(Number::Int),
        ValueKind::Number => f64::try_from(value.clone()).ok().map(Number::Float),
        _ => None,
    }
}

/// A whole number, or a boolean as one.
pub(in crate::template) fn int_of(value: &Value) -> Option<i128> {
    match number(value)? {
        Number::Int(number) => Some(number),
        Number::Float(_) => None,
    }
}

/// Any number.
pub(in crate::template) fn float_of(value: &Value) -> Option<f64> {
    number(value).map(Number::float)
}

fn int(number: i128) -> Value {
    i64::try_from(number).map_or_else(|_| Value::from(number), Value::from)
}

fn too_big() -> Error {
    raise("the number has more than 38 digits")
}

fn unsupported(operator: &str, one: &Value, two: &Value) -> Error {
    raise(format!(
        "unsupported operand type(s) for {operator}: '{}' and '{}'",
        type_name(one),
        type_name(two)
    ))
}

/// `-value`.
pub(in crate::template) fn negate(value: &Value) -> Result<Value, Error> {
    match number(value) {
        Some(Number::Int(number)) => number.checked_neg().map(int).ok_or_else(too_big),
        Some(Number::Float(number)) => Ok(Value::from(-number)),
        None => Err(raise(format!("bad operand type for unary -: '{}'", type_name(value)))),
    }
}

/// `one + two`.
pub(in crate::template) fn add(one: &Value, two: &Value) -> Result<Value, Error> {
    match (number(one), number(two)) {
        (Some(Number::Int(one)), Some(Number::Int(two))) => {
            return one.checked_add(two).map(int).ok_or_else(too_big);
        }
        (Some(one), Some(two)) => return Ok(Value::from(one.float() + two.float())),
        _ => {}
    }
    if let (Some(first), Some(second)) = (one.as_str(), two.as_str()) {
        if one.is_safe() || two.is_safe() {
            let part =
                |value: &Value, text: &str| if value.is_safe() { text.to_owned() } else { escape(text) };
            return Ok(Value::from_safe_string(part(one, first) + &part(two, second)));
        }
        return Ok(Value::from([first, second].concat()));
    }
    if one.as_str().is_some() {
        return Err(raise(format!("can only concatenate str (not \"{}\") to str", type_name(two))));
    }
    if is_list(one) {
        if type_name(one) != type_name(two) {
            let name = type_name(one);
            return Err(raise(format!("can only concatenate {name} (not \"{}\") to {name}", type_name(two))));
        }
        let mut items = iterate(one)?;
        items.extend(iterate(two)?);
        return Ok(if one.is_tuple() { Value::from(Tuple::from(items)) } else { List::value(items) });
    }
    if let Some(sum) = Moment::plus(one, two) {
        return sum;
    }
    Err(unsupported("+", one, two))
}

/// `-`, `*`, `/`, `//`, `%`, `**` and `|`.
pub(in crate::template) fn arithmetic(operator: &str, one: &Value, two: &Value) -> Result<Value, Error> {
    if operator == "%"
        && let Some(format) = one.as_str()
    {
        return percent(format, two).map(Value::from);
    }
    if operator == "*"
        && let Some(repeated) = repeated(one, two).or_else(|| repeated(two, one))
    {
        return repeated;
    }
    if operator == "|" && is_mapping(one) && is_mapping(two) {
        return Ok(Dict::value(pairs(one)?.into_iter().chain(pairs(two)?)));
    }
    if operator == "-"
        && let Some(difference) = Moment::minus(one, two)
    {
        return difference;
    }
    let (Some(first), Some(second)) = (number(one), number(two)) else {
        return Err(unsupported(if operator == "**" { "** or pow()" } else { operator }, one, two));
    };
    match (first, second) {
        (Number::Int(first), Number::Int(second)) => whole(operator, first, second),
        _ => broken(operator, first.float(), second.float()),
    }
}

fn repeated(what: &Value, times: &Value) -> Option<Result<Value, Error>> {
    let times = usize::try_from(int_of(times)?.max(0)).unwrap_or(usize::MAX);
    let size = what.len().filter(|_| what.as_str().is_some() || is_list(what))?;
    if size.saturating_mul(times) > LONGEST {
        return Some(Err(raise("the repetition is too long")));
    }
    if let Some(text) = what.as_str() {
        return Some(Ok(Value::from(text.repeat(times))));
    }
    Some(iterate(what).map(|items| {
        let length = items.len() * times;
        let items: Vec<Value> = items.into_iter().cycle().take(length).collect();
        if what.is_tuple() { Value::from(Tuple::from(items)) } else { List::value(items) }
    }))
}

fn whole(operator: &str, one: i128, two: i128) -> Result<Value, Error> {
    let zero = |message: &str| if two == 0 { Err(raise(message)) } else { Ok(()) };
    let result = match operator {
        "-" => one.checked_sub(two),
        "*" => one.checked_mul(two),
        "/" => {
            zero("division by zero")?;
            return Ok(Value::from(one as f64 / two as f64));
        }
        "//" => {
            zero("integer division or modulo by zero")?;
            one.checked_div_euclid(two).map(|quotient| {
                // Python rounds down; Euclid's rest is never negative, so they differ for negative divisors.
                if two < 0 && one.rem_euclid(two) != 0 { quotient - 1 } else { quotient }
            })
        }
        "%" => {
            zero("integer modulo by zero")?;
            one.checked_rem(two)
                .map(|rest| if rest != 0 && (rest < 0) != (two < 0) { rest + two } else { rest })
        }
        "**" if two < 0 => return Ok(Value::from((one as f64).powf(two as f64))),
        "**" => u32::try_from(two).ok().and_then(|two| one.checked_pow(two)),
        _ => {
            return Err(raise(format!("unsupported operand type(s) for {operator}: 'int' and 'int'")));
        }
    };
    result.map(int).ok_or_else(too_big)
}

fn broken(operator: &str, one: f64, two: f64) -> Result<Value, Error> {
    if two == 0.0 && matches!(operator, "/" | "//" | "%") {
        return Err(raise(if operator == "/" { "division by zero" } else { "float floor division by zero" }));
    }
    Ok(Value::from(match operator {
        "-" => one - two,
        "*" => one * two,
        "/" => one / two,
        "//" => (one / two).floor(),
        "%" => one - two * (one / two).floor(),
        "**" => one.powf(two),
        _ => {
            return Err(raise(format!("unsupported operand type(s) for {operator}: 'float' and 'float'")));
        }
    }))
}

/// `one == two`.
pub(in crate::template) fn equal(one: &Value, two: &Value) -> bool {
    match (number(one), number(two)) {
        (Some(Number::Int(one)), Some(Number::Int(two))) => return one == two,
        (Some(one), Some(two)) => return one.float() == two.float(),
        (None, None) => {}
        _ => return false,
    }
    if let (Some(one), Some(two)) = (one.as_str(), two.as_str()) {
        return one == two;
    }
    if is_list(one) && is_list(two) {
        let (Ok(first), Ok(second)) = (iterate(one), iterate(two)) else { return false };
        return one.is_tuple() == two.is_tuple()
            && first.len() == second.len()
            && first.iter().zip(&second).all(|(one, two)| equal(one, two));
    }
    if is_mapping(one) && is_mapping(two) {
        let Ok(first) = pairs(one) else { return false };
        let same = |(key, value): &(Value, Value)| {
            two.get_item(key).is_ok_and(|other| !other.is_undefined() && equal(value, &other))
        };
        return one.len() == two.len() && first.iter().all(same);
    }
    one.kind() == two.kind() && one == two
}

/// A comparison that orders.
#[derive(Clone, Copy)]
pub(in crate::template) enum Order {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Order {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering == Ordering::Less,
            Self::AtMost => ordering != Ordering::Greater,
            Self::Greater => ordering == Ordering::Greater,
            Self::AtLeast => ordering != Ordering::Less,
        }
    }

    fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }
}

/// `one < two` and its kin.
pub(in crate::template) fn compare(order: Order, one: &Value, two: &Value) -> Result<bool, Error> {
    Ok(ordering(one, two, order.symbol())?.is_some_and(|ordering| order.holds(ordering)))
}

/// How two values stand; none for what is no number.
fn ordering(one: &Value, two: &Value, symbol: &str) -> Result<Option<Ordering>, Error> {
    match (number(one), number(two)) {
        (Some(Number::Int(one)), Some(Number::Int(two))) => return Ok(Some(one.cmp(&two))),
        (Some(one), Some(two)) => return Ok(one.float().partial_cmp(&two.float())),
        _ => {}
    }
    if let (Some(one), Some(two)) = (one.as_str(), two.as_str()) {
        return Ok(Some(one.cmp(two)));
    }
    if is_list(one) && is_list(two) && one.is_tuple() == two.is_tuple() {
        let (first, second) = (iterate(one)?, iterate(two)?);
        for (one, two) in first.iter().zip(&second) {
            if !equal(one, two) {
                return ordering(one, two, symbol);
            }
        }
        return Ok(Some(first.len().cmp(&second.len())));
    }
    if let Some(ordering) = Moment::ordering(one, two).or_else(|| Duration::ordering(one, two)) {
        return Ok(Some(ordering));
    }
    Err(raise(format!(
        "'{symbol}' not supported between instances of '{}' and '{}'",
        type_name(one),
        type_name(two)
    )))
}

/// `needle in haystack`.
pub(in crate::template) fn contains(haystack: &Value, needle: &Value) -> Result<bool, Error> {
    if let Some(text) = haystack.as_str() {
        let needle = needle.as_str().ok_or_else(|| {
            raise(format!("'in <string>' requires string as left operand, not {}", type_name(needle)))
        })?;
        return Ok(text.contains(needle));
    }
    match haystack.kind() {
        ValueKind::Map => {
            // Keys of YAML are texts; numbers are looked for among them as they are.
            Ok(haystack.get_item(needle).is_ok_and(|value| !value.is_undefined())
                || haystack.try_iter()?.any(|key| equal(&key, needle)))
        }
        ValueKind::Seq | ValueKind::Iterable => Ok(haystack.try_iter()?.any(|item| equal(&item, needle))),
        _ => Err(raise(format!("argument of type '{}' is not iterable", type_name(haystack)))),
    }
}

/// Sorts as Python does; what cannot be compared is an error.
pub(in crate::template) fn sort(items: &mut [(Value, Value)], reverse: bool) -> Result<(), Error> {
    let mut failure = None;
    let sorted = sorted(items.to_vec(), &mut |(one, _): &(Value, Value), (two, _): &(Value, Value)| {
        let found = ordering(one, two, "<").unwrap_or_else(|error| {
            failure.get_or_insert(error);
            None
        });
        let found = found.unwrap_or(Ordering::Equal);
        if reverse { found.reverse() } else { found }
    });
    items.clone_from_slice(&sorted);
    failure.map_or(Ok(()), Err)
}

/// Sorts by merging. What is compared need have no order in truth: the standard library's sort panics at that.
pub(in crate::template) fn sorted<T>(
    mut items: Vec<T>,
    compare: &mut impl FnMut(&T, &T) -> Ordering,
) -> Vec<T> {
    if items.len() < 2 {
        return items;
    }
    let rest = items.split_off(items.len() / 2);
    let mut left = sorted(items, compare).into_iter().peekable();
    let mut right = sorted(rest, compare).into_iter().peekable();
    let mut merged = Vec::with_capacity(left.len() + right.len());
    while let (Some(one), Some(two)) = (left.peek(), right.peek()) {
        // The later one first, as Python asks.
        let is_behind = compare(two, one) == Ordering::Less;
        merged.extend(if is_behind { right.next() } else { left.next() });
    }
    merged.extend(left);
    merged.extend(right);
    merged
}
