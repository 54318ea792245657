//! Expressions of queries.

use serde_json::{Value, json};

use super::token::{self, Token};

/// An expression.
#[derive(Debug, Clone)]
pub(super) enum Expression {
    Constant(Value),
    Column(String),
    Member(Box<Self>, Box<Self>),
    Call(String, Vec<Self>),
    Compare(Box<Self>, String, Vec<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

/// Reads a query's words one after the other.
#[derive(Debug)]
pub(super) struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

const FUNCTIONS: [&str; 12] = [
    "tostring",
    "tolower",
    "toupper",
    "toint",
    "isempty",
    "isnotempty",
    "isnull",
    "isnotnull",
    "not",
    "strcat",
    "coalesce",
    "array_length",
];

const COMPARISONS: [&str; 17] = [
    "==",
    "=~",
    "!=",
    "!~",
    ">=",
    "<=",
    ">",
    "<",
    "contains",
    "!contains",
    "startswith",
    "endswith",
    "has",
    "!has",
    "in",
    "in~",
    "!in",
];

impl Parser {
    pub(super) fn new(query: &str) -> Result<Self, String> {
        Ok(Self { tokens: token::all(query)?, at: 0 })
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// What is left, for messages.
    pub(super) fn rest(&self) -> String {
        format!("{:?}", self.tokens.get(self.at))
    }

    /// Takes a word, whatever it is.
    pub(super) fn word(&mut self) -> Option<String> {
        let Some(Token::Word(word)) = self.tokens.get(self.at) else { return None };
        self.at += 1;
        Some(word.clone())
    }

    /// Takes this word or sign, if it is next.
    pub(super) fn take(&mut self, wanted: &str) -> bool {
        let found = match self.tokens.get(self.at) {
            Some(Token::Word(word)) => word.eq_ignore_ascii_case(wanted),
            Some(Token::Sign(sign)) => *sign == wanted,
            _ => false,
        };
        self.at += usize::from(found);
        found
    }

    /// Takes the name of `name =`, if that is next.
    pub(super) fn assigned(&mut self) -> Option<String> {
        match self.tokens.get(self.at..self.at + 2) {
            Some([Token::Word(name), Token::Sign("=")]) => {
                let name = name.clone();
                self.at += 2;
                Some(name)
            }
            _ => None,
        }
    }

    pub(super) fn expression(&mut self) -> Result<Expression, String> {
        let mut left = self.conjunction()?;
        while self.take("or") {
            left = Expression::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Expression, String> {
        let mut left = self.comparison()?;
        while self.take("and") {
            left = Expression::And(Box::new(left), Box::new(self.comparison()?));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Expression, String> {
        let left = self.path()?;
        let Some(sign) = COMPARISONS.iter().find(|sign| self.take(sign)) else { return Ok(left) };
        let right =
            if sign.contains("in") && !sign.contains("conta") { self.list()? } else { vec![self.path()?] };
        Ok(Expression::Compare(Box::new(left), (*sign).to_owned(), right))
    }

    /// Expressions in parentheses.
    fn list(&mut self) -> Result<Vec<Expression>, String> {
        if !self.take("(") {
            return Err(format!("expected '(' at {}", self.rest()));
        }
        let mut items = Vec::new();
        while !self.take(")") {
            items.push(self.expression()?);
            if !self.take(",") && !matches!(self.tokens.get(self.at), Some(Token::Sign(")"))) {
                return Err(format!("expected ')' at {}", self.rest()));
            }
        }
        Ok(items)
    }

    fn path(&mut self) -> Result<Expression, String> {
        let mut found = self.primary()?;
        loop {
            if self.take(".") {
                let name = self.word().ok_or("expected a name after '.'")?;
                found = Expression::Member(Box::new(found), Box::new(Expression::Constant(json!(name))));
            } else if self.take("[") {
                let inner = self.expression()?;
                if !self.take("]") {
                    return Err(format!("expected ']' at {}", self.rest()));
                }
                found = Expression::Member(Box::new(found), Box::new(inner));
            } else {
                return Ok(found);
            }
        }
    }

    fn primary(&mut self) -> Result<Expression, String> {
        let token = self.tokens.get(self.at).cloned().ok_or("the query ends too early")?;
        self.at += 1;
        match token {
            Token::Text(text) => Ok(Expression::Constant(json!(text))),
            Token::Sign("(") => {
                self.at -= 1;
                let mut inner = self.list()?;
                inner
                    .pop()
                    .filter(|_| inner.is_empty())
                    .ok_or_else(|| "expected one expression in parentheses".to_owned())
            }
            Token::Word(word) if matches!(self.tokens.get(self.at), Some(Token::Sign("("))) => {
                let name = word.to_ascii_lowercase();
                if !FUNCTIONS.contains(&name.as_str()) {
                    return Err(format!("unknown function '{word}'"));
                }
                Ok(Expression::Call(name, self.list()?))
            }
            Token::Word(word) => Ok(match word.parse::<i64>() {
                Ok(number) => Expression::Constant(json!(number)),
                Err(_) if word == "true" || word == "false" => Expression::Constant(json!(word == "true")),
                Err(_) => Expression::Column(word),
            }),
            Token::Sign(sign) => Err(format!("unexpected '{sign}'")),
        }
    }
}

impl Expression {
    /// What a column of it is called when it is given no name.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Column(name) => name.clone(),
            Self::Member(of, name) => match &**name {
                Self::Constant(name) => format!("{}_{}", of.name(), plain(name)),
                _ => of.name(),
            },
            _ => "Column1".to_owned(),
        }
    }

    pub(super) fn value(&self, row: &Value) -> Value {
        match self {
            Self::Constant(value) => value.clone(),
            Self::Column(name) => row[name.as_str()].clone(),
            Self::Member(of, name) => {
                let (of, name) = (of.value(row), name.value(row));
                match name.as_u64() {
                    Some(index) => usize::try_from(index)
                        .ok()
                        .and_then(|index| of.get(index).cloned())
                        .unwrap_or_default(),
                    None => of.get(plain(&name).as_str()).cloned().unwrap_or_default(),
                }
            }
            Self::Call(name, arguments) => {
                call(name, &arguments.iter().map(|one| one.value(row)).collect::<Vec<_>>())
            }
            _ => json!(self.holds(row)),
        }
    }

    pub(super) fn holds(&self, row: &Value) -> bool {
        match self {
            Self::And(left, right) => left.holds(row) && right.holds(row),
            Self::Or(left, right) => left.holds(row) || right.holds(row),
            Self::Compare(left, sign, right) => {
                let right: Vec<Value> = right.iter().map(|one| one.value(row)).collect();
                compare(&left.value(row), sign, &right)
            }
            _ => self.value(row) == true,
        }
    }
}

/// A value as text.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn call(name: &str, arguments: &[Value]) -> Value {
    let first = arguments.first().unwrap_or(&Value::Null);
    match name {
        "tostring" => json!(plain(first)),
        "tolower" => json!(plain(first).to_lowercase()),
        "toupper" => json!(plain(first).to_uppercase()),
        "toint" => plain(first).parse::<i64>().map_or(Value::Null, Value::from),
        "isempty" => json!(plain(first).is_empty()),
        "isnotempty" => json!(!plain(first).is_empty()),
        "isnull" => json!(first.is_null()),
        "isnotnull" => json!(!first.is_null()),
        "not" => json!(first != true),
        "strcat" => json!(arguments.iter().map(plain).collect::<String>()),
        "coalesce" => arguments.iter().find(|one| !plain(one).is_empty()).cloned().unwrap_or_default(),
        _ => first.as_array().map_or(Value::Null, |list| json!(list.len())),
    }
}

fn compare(left: &Value, sign: &str, all: &[Value]) -> bool {
    let right = all.first().unwrap_or(&Value::Null);
    let lower = |value: &Value| plain(value).to_lowercase();
    let ordering = match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.partial_cmp(&right),
        _ => Some(plain(left).cmp(&plain(right))),
    };
    match sign {
        "==" => plain(left) == plain(right),
        "!=" => plain(left) != plain(right),
        "=~" => lower(left) == lower(right),
        "!~" => lower(left) != lower(right),
        ">=" => ordering.is_some_and(std::cmp::Ordering::is_ge),
        "<=" => ordering.is_some_and(std::cmp::Ordering::is_le),
        ">" => ordering.is_some_and(std::cmp::Ordering::is_gt),
        "<" => ordering.is_some_and(std::cmp::Ordering::is_lt),
        "contains" | "has" => lower(left).contains(&lower(right)),
        "!contains" | "!has" => !lower(left).contains(&lower(right)),
        "startswith" => lower(left).starts_with(&lower(right)),
        "endswith" => lower(left).ends_with(&lower(right)),
        "in" => all.iter().any(|one| plain(one) == plain(left)),
        "!in" => all.iter().all(|one| plain(one) != plain(left)),
        _ => all.iter().any(|one| lower(one) == lower(left)),
    }
}
