//! Reading JMESPath.

use serde_json::Value as Json;

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// An expression.
#[derive(Clone, Debug)]
pub(super) enum Expression {
    Current,
    Literal(Json),
    Field(String),
    Index(isize),
    Slice(Option<i64>, Option<i64>, Option<i64>),
    Chain(Box<Self>, Box<Self>),
    Project(Box<Self>, Box<Self>),
    ProjectValues(Box<Self>, Box<Self>),
    Flatten(Box<Self>),
    Filter(Box<Self>, Box<Self>, Box<Self>),
    List(Vec<Self>),
    Hash(Vec<(String, Self)>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Compare(Order, Box<Self>, Box<Self>),
    Call(String, Vec<Self>),
    Reference(Box<Self>),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Quoted(String),
    Literal(Json),
    Number(i64),
    Sign(&'static str),
    End,
}

const SIGNS: [&str; 26] = [
    "[?", "[]", "||", "&&", "==", "!=", "<=", ">=", ".", "*", "[", "]", "{", "}", "(", ")", ",", ":", "|",
    "&", "!", "<", ">", "@", "?", "=",
];

fn tokens(query: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            'a'..='z' | 'A'..='Z' | '_' => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                tokens.push(Token::Name(rest[..end].to_owned()));
                end
            }
            '0'..='9' | '-' => {
                let end = rest[1..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |end| end + 1);
                let number = rest[..end].parse().map_err(|_| format!("`{}` is no number", &rest[..end]))?;
                tokens.push(Token::Number(number));
                end
            }
            '\'' | '"' | '`' => {
                let (text, end) = quoted(rest, first)?;
                tokens.push(match first {
                    '\'' => Token::Literal(Json::String(text)),
                    '"' => Token::Quoted(
                        serde_json::from_str(&rest[..end])
                            .map_err(|error| format!("{error} in {}", &rest[..end]))?,
                    ),
                    // What is no JSON is taken as text, as older expressions have it.
                    _ => Token::Literal(
                        serde_json::from_str(text.trim())
                            .unwrap_or_else(|_| Json::String(text.trim().to_owned())),
                    ),
                });
                end
            }
            _ => {
                let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
                let sign = sign.ok_or_else(|| format!("`{first}` is not expected"))?;
                tokens.push(Token::Sign(sign));
                sign.len()
            }
        };
        rest = rest[length..].trim_start();
    }
    tokens.push(Token::End);
    Ok(tokens)
}

/// The text between quotes, and where it ends.
fn quoted(text: &str, quote: char) -> Result<(String, usize), String> {
    let mut content = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == quote {
            return Ok((content, at + 1));
        }
        if character == '\\' {
            match characters.next() {
                Some((_, next)) if next == quote => content.push(next),
                Some((_, next)) => content.extend(['\\', next]),
                None => break,
            }
        } else {
            content.push(character);
        }
    }
    Err(format!("a closing {quote} is missing"))
}

/// Reads an expression.
pub(super) fn parse(query: &str) -> Result<Expression, String> {
    let mut parser = Parser { tokens: tokens(query)?, at: 0, depth: 0 };
    let expression = parser.expression(0)?;
    match parser.peek() {
        Token::End => Ok(expression),
        other => Err(format!("{} is not expected", described(other))),
    }
}

fn described(token: &Token) -> String {
    match token {
        Token::Name(text) | Token::Quoted(text) => format!("`{text}`"),
        Token::Literal(value) => format!("`{value}`"),
        Token::Number(number) => format!("`{number}`"),
        Token::Sign(sign) => format!("`{sign}`"),
        Token::End => "the end".to_owned(),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

/// How strongly a sign holds together what is around it.
fn power(token: &Token) -> u8 {
    match token {
        Token::Sign("|") => 1,
        Token::Sign("||") => 2,
        Token::Sign("&&") => 3,
        Token::Sign("==" | "!=" | "<" | "<=" | ">" | ">=") => 5,
        Token::Sign("[]") => 9,
        Token::Sign("*") => 20,
        Token::Sign("[?") => 21,
        Token::Sign(".") => 40,
        Token::Sign("[") => 55,
        Token::Sign("(") => 60,
        _ => 0,
    }
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), String> {
        match self.next() {
            Token::Sign(found) if found == sign => Ok(()),
            other => Err(format!("`{sign}` is expected, not {}", described(&other))),
        }
    }

    fn expression(&mut self, binding: u8) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > 100 {
            return Err("the expression is nested too deeply".to_owned());
        }
        let token = self.next();
        let mut left = self.begin(token)?;
        while binding < power(self.peek()) {
            let token = self.next();
            left = self.go_on(token, left)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn begin(&mut self, token: Token) -> Result<Expression, String> {
        let boxed = |expression| Box::new(expression);
        Ok(match token {
            Token::Literal(value) => Expression::Literal(value),
            Token::Name(name) | Token::Quoted(name) => Expression::Field(name),
            Token::Sign("@") => Expression::Current,
            Token::Sign("*") => {
                Expression::ProjectValues(boxed(Expression::Current), boxed(self.projected(20)?))
            }
            Token::Sign("&") => Expression::Reference(boxed(self.expression(0)?)),
            Token::Sign("!") => Expression::Not(boxed(self.expression(45)?)),
            Token::Sign("(") => {
                let inner = self.expression(0)?;
                self.expect(")")?;
                inner
            }
            Token::Sign("{") => self.hash()?,
            Token::Sign("[]") => {
                let flat = Expression::Flatten(boxed(Expression::Current));
                Expression::Project(boxed(flat), boxed(self.projected(9)?))
            }
            Token::Sign("[?") => self.filter(Expression::Current)?,
            Token::Sign("[") => match self.peek() {
                Token::Number(_) | Token::Sign(":") => self.subscript(Expression::Current)?,
                Token::Sign("*") if self.tokens.get(self.at + 1) == Some(&Token::Sign("]")) => {
                    self.at += 2;
                    Expression::Project(boxed(Expression::Current), boxed(self.projected(20)?))
                }
                _ => self.list()?,
            },
            other => return Err(format!("{} is not expected", described(&other))),
        })
    }

    fn go_on(&mut self, token: Token, left: Expression) -> Result<Expression, String> {
        let boxed = |expression| Box::new(expression);
        Ok(match token {
            Token::Sign(".") => match self.peek() {
                Token::Sign("*") => {
                    self.at += 1;
                    Expression::ProjectValues(boxed(left), boxed(self.projected(20)?))
                }
                _ => Expression::Chain(boxed(left), boxed(self.after_point(40)?)),
            },
            Token::Sign("|") => Expression::Chain(boxed(left), boxed(self.expression(1)?)),
            Token::Sign("||") => Expression::Or(boxed(left), boxed(self.expression(2)?)),
            Token::Sign("&&") => Expression::And(boxed(left), boxed(self.expression(3)?)),
            Token::Sign("[]") => {
                Expression::Project(boxed(Expression::Flatten(boxed(left))), boxed(self.projected(9)?))
            }
            Token::Sign("[?") => self.filter(left)?,
            Token::Sign("[") => match self.peek() {
                Token::Number(_) | Token::Sign(":") => self.subscript(left)?,
                _ => {
                    self.expect("*")?;
                    self.expect("]")?;
                    Expression::Project(boxed(left), boxed(self.projected(20)?))
                }
            },
            Token::Sign("(") => {
                let Expression::Field(name) = left else {
                    return Err("only functions can be called".to_owned());
                };
                let mut arguments = Vec::new();
                while *self.peek() != Token::Sign(")") {
                    arguments.push(self.expression(0)?);
                    if *self.peek() == Token::Sign(",") {
                        self.at += 1;
                    } else if *self.peek() != Token::Sign(")") {
                        return Err(format!("`)` is expected, not {}", described(self.peek())));
                    }
                }
                self.at += 1;
                Expression::Call(name, arguments)
            }
            Token::Sign(sign) => {
                let order = match sign {
                    "==" => Order::Equal,
                    "!=" => Order::Unequal,
                    "<" => Order::Less,
                    "<=" => Order::AtMost,
                    ">" => Order::Greater,
                    ">=" => Order::AtLeast,
                    other => return Err(format!("`{other}` is not expected")),
                };
                Expression::Compare(order, boxed(left), boxed(self.expression(5)?))
            }
            other => return Err(format!("{} is not expected", described(&other))),
        })
    }

    /// What follows a point.
    fn after_point(&mut self, binding: u8) -> Result<Expression, String> {
        match self.peek() {
            Token::Name(_) | Token::Quoted(_) | Token::Sign("*") => self.expression(binding),
            Token::Sign("[") => {
                self.at += 1;
                self.list()
            }
            Token::Sign("{") => {
                self.at += 1;
                self.hash()
            }
            other => Err(format!("{} is not expected after a point", described(other))),
        }
    }

    /// What is done with each element of a projection.
    fn projected(&mut self, binding: u8) -> Result<Expression, String> {
        match self.peek() {
            token if power(token) < 10 => Ok(Expression::Current),
            Token::Sign("[" | "[?") => self.expression_on_current(binding),
            Token::Sign(".") => {
                self.at += 1;
                self.after_point(binding)
            }
            other => Err(format!("{} is not expected", described(other))),
        }
    }

    fn expression_on_current(&mut self, binding: u8) -> Result<Expression, String> {
        let mut left = Expression::Current;
        while binding < power(self.peek()) {
            let token = self.next();
            left = self.go_on(token, left)?;
        }
        Ok(left)
    }

    fn filter(&mut self, left: Expression) -> Result<Expression, String> {
        let condition = self.expression(0)?;
        self.expect("]")?;
        let rest = if *self.peek() == Token::Sign("[]") { Expression::Current } else { self.projected(21)? };
        Ok(Expression::Filter(Box::new(left), Box::new(condition), Box::new(rest)))
    }

    /// An index or a slice.
    fn subscript(&mut self, left: Expression) -> Result<Expression, String> {
        let mut bounds = [None, None, None];
        let mut place = 0;
        loop {
            match self.next() {
                Token::Number(number) => bounds[place] = Some(number),
                Token::Sign(":") if place < 2 => place += 1,
                Token::Sign("]") => break,
                other => return Err(format!("{} is not expected in an index", described(&other))),
            }
        }
        let left = Box::new(left);
        if place == 0 {
            let index =
                bounds[0].and_then(|index| isize::try_from(index).ok()).ok_or("an index is missing")?;
            return Ok(Expression::Chain(left, Box::new(Expression::Index(index))));
        }
        let [start, stop, step] = bounds;
        let slice = Expression::Chain(left, Box::new(Expression::Slice(start, stop, step)));
        Ok(Expression::Project(Box::new(slice), Box::new(self.projected(20)?)))
    }

    fn list(&mut self) -> Result<Expression, String> {
        let mut items = Vec::new();
        loop {
            items.push(self.expression(0)?);
            match self.next() {
                Token::Sign(",") => {}
                Token::Sign("]") => return Ok(Expression::List(items)),
                other => return Err(format!("`]` is expected, not {}", described(&other))),
            }
        }
    }

    fn hash(&mut self) -> Result<Expression, String> {
        let mut pairs = Vec::new();
        loop {
            let name = match self.next() {
                Token::Name(name) | Token::Quoted(name) => name,
                other => return Err(format!("a name is expected, not {}", described(&other))),
            };
            self.expect(":")?;
            pairs.push((name, self.expression(0)?));
            match self.next() {
                Token::Sign(",") => {}
                Token::Sign("}") => return Ok(Expression::Hash(pairs)),
                other => return Err(format!("`}}` is expected, not {}", described(&other))),
            }
        }
    }
}
