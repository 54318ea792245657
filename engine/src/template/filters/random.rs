//! Chance, and the same chance again: with a seed the numbers are those of Python's generator, a Mersenne twister.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, Value};
use sha2::Digest as _;

use super::wrong;
use crate::template::python::{float_of, int_of, iterate};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("random", random);
    environment.add_filter("shuffle", shuffle);
    environment.add_filter("random_mac", random_mac);
}

/// Python's `random.Random`.
pub(in crate::template) struct Chance {
    state: [u32; 624],
    at: usize,
}

impl Chance {
    /// Seeded with a value, or with what cannot be foreseen.
    pub(in crate::template) fn new(seed: Option<&Value>) -> Result<Self, Error> {
        let seed = match seed.filter(|seed| !seed.is_none()) {
            Some(seed) => seed_words(seed)?,
            None => {
                let mut bytes = [0; 32];
                let read = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
                read.map_err(|error| wrong(format!("there are no random numbers: {error}")))?;
                words(&bytes)
            }
        };
        Ok(Self::by_array(&seed))
    }

    fn by_array(key: &[u32]) -> Self {
        let mut state = [0_u32; 624];
        state[0] = 19_650_218;
        for index in 1..624 {
            let before = state[index - 1];
            state[index] = 1_812_433_253_u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(index as u32);
        }
        let (mut i, mut j) = (1, 0);
        for _ in 0..key.len().max(624) {
            let before = state[i - 1];
            state[i] = (state[i] ^ (before ^ (before >> 30)).wrapping_mul(1_664_525))
                .wrapping_add(key[j])
                .wrapping_add(j as u32);
            i += 1;
            j = (j + 1) % key.len();
            if i == 624 {
                state[0] = state[623];
                i = 1;
            }
        }
        for _ in 0..623 {
            let before = state[i - 1];
            state[i] =
                (state[i] ^ (before ^ (before >> 30)).wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            i += 1;
            if i == 624 {
                state[0] = state[623];
                i = 1;
            }
        }
        state[0] = 0x8000_0000;
        Self { state, at: 624 }
    }

    fn next(&mut self) -> u32 {
        if self.at >= 624 {
            for index in 0..624 {
                let y = (self.state[index] & 0x8000_0000) | (self.state[(index + 1) % 624] & 0x7fff_ffff);
                let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[index] = self.state[(index + 397) % 624] ^ (y >> 1) ^ odd;
            }
            self.at = 0;
        }
        let mut y = self.state[self.at];
        self.at += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn bits(&mut self, mut count: u32) -> u128 {
        let (mut number, mut shift) = (0_u128, 0);
        while count > 0 {
            let taken = count.min(32);
            number |= u128::from(self.next() >> (32 - taken)) << shift;
            shift += 32;
            count -= taken;
        }
        number
    }

    /// A number below a limit.
    pub(in crate::template) fn below(&mut self, limit: u128) -> u128 {
        if limit <= 1 {
            // Python draws for a limit of one, too.
            if limit == 1 {
                while self.bits(1) >= 1 {}
            }
            return 0;
        }
        let bits = u128::BITS - limit.leading_zeros();
        loop {
            let number = self.bits(bits);
            if number < limit {
                return number;
            }
        }
    }

    /// One of so many.
    pub(in crate::template) fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u128)).unwrap_or(0)
    }
}

/// The words of a number given in bytes, lowest first.
fn words(big_endian: &[u8]) -> Vec<u32> {
    let mut words: Vec<u32> = big_endian
        .rchunks(4)
        .map(|chunk| chunk.iter().fold(0, |word, byte| (word << 8) | u32::from(*byte)))
        .collect();
    while words.len() > 1 && words.last() == Some(&0) {
        words.pop();
    }
    words
}

/// What Python makes of a seed: texts with their digest behind them, whole numbers as they are.
fn seed_words(seed: &Value) -> Result<Vec<u32>, Error> {
    if let Some(text) = seed.as_str() {
        let mut bytes = text.as_bytes().to_vec();
        bytes.extend(sha2::Sha512::digest(text.as_bytes()));
        return Ok(words(&bytes));
    }
    match int_of(seed) {
        Some(number) => Ok(words(&number.unsigned_abs().to_be_bytes())),
        None => Err(wrong("a seed must be a text or a whole number")),
    }
}

/// One element, or a number below a limit.
fn random(value: &Value, args: minijinja::value::Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let option = |position: usize, name: &str| {
        let given = kwargs.get::<Option<Value>>(name)?.or_else(|| args.get(position).cloned());
        Ok::<_, Error>(given.filter(|given| !given.is_none()))
    };
    let (start, step, seed) = (option(0, "start")?, option(1, "step")?, option(2, "seed")?);
    kwargs.assert_all_used()?;
    let mut chance = Chance::new(seed.as_ref())?;
    if let (Some(end), true) = (int_of(value), value.as_str().is_none()) {
        let number = |given: &Option<Value>, usual: i128| match given {
            Some(given) => int_of(given).ok_or_else(|| wrong("`random` needs whole numbers")),
            None => Ok(usual),
        };
        let (start, step) = (number(&start, 0)?, number(&step, 1)?);
        if step == 0 {
            return Err(wrong("zero step for randrange()"));
        }
        let count = (end - start + step - step.signum()) / step;
        if count <= 0 {
            return Err(wrong(format!("empty range in randrange({start}, {end})")));
        }
        let drawn = i128::try_from(chance.below(count.unsigned_abs())).unwrap_or(0);
        return Ok(i64::try_from(start + step * drawn)
            .map_or_else(|_| Value::from(start + step * drawn), Value::from));
    }
    if start.is_some() || step.is_some() {
        return Err(wrong("start and step can only be used with integer values"));
    }
    if float_of(value).is_some() || value.kind() == minijinja::value::ValueKind::Map {
        return Err(wrong("random can only be used on sequences and integers"));
    }
    let items = iterate(value)?;
    if items.is_empty() {
        return Err(wrong("`random` needs at least one element"));
    }
    let index = chance.index(items.len());
    Ok(items.get(index).cloned().unwrap_or_default())
}

fn shuffle(value: &Value, seed: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let seed = kwargs.get::<Option<Value>>("seed")?.or(seed);
    kwargs.assert_all_used()?;
    // What is no list stays as it is.
    let Ok(mut items) = iterate(value) else { return Ok(value.clone()) };
    let mut chance = Chance::new(seed.as_ref())?;
    for index in (1..items.len()).rev() {
        items.swap(index, chance.index(index + 1));
    }
    Ok(Value::from(items))
}

/// A hardware address that begins as given.
fn random_mac(value: &Value, kwargs: Kwargs) -> Result<String, Error> {
    let seed = kwargs.get::<Option<Value>>("seed")?;
    kwargs.assert_all_used()?;
    let prefix = crate::template::to_text(value).trim_end_matches(':').to_lowercase();
    let parts = prefix.split(':').filter(|part| !part.is_empty()).count();
    let well_formed = prefix.split(':').all(|part| part.len() == 2 && u8::from_str_radix(part, 16).is_ok());
    if parts > 5 || !well_formed {
        return Err(wrong(format!("Invalid value ({prefix}) for random_mac: 1 to 5 hexadecimal parts")));
    }
    let mut chance = Chance::new(seed.as_ref())?;
    let (low, high) = (0x1_0000_0000_u128, 0xff_ffff_ffff_u128);
    let number = low + chance.below(high - low + 1);
    let digits = format!("{number:x}");
    let mut address = prefix;
    for pair in digits.as_bytes().chunks(2).take(6 - parts) {
        address.push(':');
        address.push_str(&String::from_utf8_lossy(pair));
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_numbers_of_python() {
        let draw = |seed: Value, limit: u128| Chance::new(Some(&seed)).unwrap().below(limit);
        assert_eq!(draw(Value::from("x"), 100), 80);
        assert_eq!(draw(Value::from("x"), 3), 2);
    }
}
