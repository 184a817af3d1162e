// SPDX-License-Identifier: MIT
// What oracle-dwarf.py compiles: generics, methods of structures and enumerations, traits,
// closures, functions in functions, modules.
mod shapes {
    pub trait Area {
        fn area(&self, scale: u32) -> u32;
        #[inline(always)]
        fn twice(&self) -> u32 {
            self.area(2)
        }
    }
    pub struct Square(pub u32);
    pub enum Round {
        Circle(u32),
        Ring { inner: u32, outer: u32 },
    }
    impl Area for Square {
        #[inline(never)]
        fn area(&self, scale: u32) -> u32 {
            self.0 * self.0 * scale
        }
    }
    impl Area for Round {
        #[inline(never)]
        fn area(&self, scale: u32) -> u32 {
            fn square(x: u32) -> u32 {
                x.wrapping_mul(x)
            }
            match self {
                Round::Circle(r) => 3 * square(*r) * scale,
                Round::Ring { inner, outer } => 3 * (square(*outer) - square(*inner)) * scale,
            }
        }
    }
    impl Round {
        #[inline(never)]
        pub fn new(n: u32) -> Self {
            if n % 2 == 0 {
                Round::Circle(n)
            } else {
                Round::Ring { inner: n, outer: n + 1 }
            }
        }
    }
}

use shapes::{Area, Round, Square};

#[inline(never)]
fn sum<T: Area, F: Fn(u32) -> u32>(all: &[T], by: F) -> u32 {
    all.iter().map(|x| by(x.area(1)) + x.twice()).sum()
}

fn main() {
    let n = std::env::args().count() as u32;
    let squares = [Square(n), Square(n + 1)];
    let rounds: Vec<Round> = (0..n + 2).map(Round::new).collect();
    let total = sum(&squares, |x| x + n) + sum(&rounds, |x| x ^ n);
    println!("{}", total);
}
