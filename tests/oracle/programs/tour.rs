// SPDX-License-Identifier: MIT
// What Rust has: generics, traits, closures, iterators, matching, panics, modules.
use std::collections::BTreeMap;
use std::fmt;

mod shapes {
    pub trait Shape {
        fn area(&self) -> f64;
        fn twice(&self) -> f64 {
            self.area() * 2.0
        }
    }
    pub struct Square(pub f64);
    pub struct Circle {
        pub radius: f64,
    }
    impl Shape for Square {
        fn area(&self) -> f64 {
            self.0 * self.0
        }
    }
    impl Shape for Circle {
        fn area(&self) -> f64 {
            std::f64::consts::PI * self.radius.powi(2)
        }
    }
}
use shapes::{Circle, Shape, Square};

#[derive(Debug)]
enum Trouble {
    Odd(u64),
    Empty,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Trouble::Odd(n) => write!(f, "{} is odd", n),
            Trouble::Empty => write!(f, "empty"),
        }
    }
}

fn largest<T: PartialOrd + Copy>(items: &[T]) -> Option<T> {
    let mut best = *items.first()?;
    for &item in items {
        if item > best {
            best = item;
        }
    }
    Some(best)
}

#[inline(never)]
fn halve(n: u64) -> Result<u64, Trouble> {
    if n == 0 {
        Err(Trouble::Empty)
    } else if n % 2 == 1 {
        Err(Trouble::Odd(n))
    } else {
        Ok(n / 2)
    }
}

fn words(text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for word in text.split_whitespace().map(|w| w.to_lowercase()) {
        *counts.entry(word).or_insert(0) += 1;
    }
    counts
}

fn main() {
    let n = std::env::args().count() as u64;
    let shapes: Vec<Box<dyn Shape>> = vec![
        Box::new(Square(n as f64)),
        Box::new(Circle { radius: 2.0 }),
    ];
    let area: f64 = shapes.iter().map(|s| s.twice()).filter(|a| *a > 1.0).sum();
    let mut numbers: Vec<u64> = (0..40).map(|i| (i * 2654435761u64) ^ n).collect();
    numbers.sort_by(|a, b| b.cmp(a));
    match halve(numbers[3]).and_then(halve) {
        Ok(h) => println!("{} {:?} {}", area, largest(&numbers), h),
        Err(t) => println!("{} {} {:?}", area, t, words("a b A c")),
    }
    if n > 1000 {
        panic!("too many: {}", n);
    }
}
