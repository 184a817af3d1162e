// SPDX-License-Identifier: MIT
struct P {
    x: i32,
    s: String,
}

#[inline(never)]
fn deep(n: u32, p: &P) -> u32 {
    if n == 0 {
        let v: Vec<u32> = vec![1, 2, 3];
        if p.x > 0 {
            std::process::abort();
        }
        return v[0];
    }
    deep(n - 1, p) + 1
}

fn main() {
    let t = std::thread::spawn(|| std::thread::park());
    std::thread::sleep(std::time::Duration::from_millis(50));
    let p = P { x: std::env::args().count() as i32, s: "abc".to_string() };
    println!("{} {}", deep(5, &p), p.s);
    t.join().unwrap();
}
