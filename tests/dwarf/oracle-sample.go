// SPDX-License-Identifier: MIT
// What oracle-dwarf.py compiles: methods, closures, interfaces, goroutines.
package main

import "os"

type shape interface{ area(scale int) int }
type square struct{ size int }
type pair struct{ a, b int }

func (s *square) area(scale int) int { return twice(s.size) * scale }

func twice(n int) int { return n * 2 }

//go:noinline
func (p pair) first() int { return p.a }

//go:noinline
func adder(by int) func(int) int {
	return func(to int) int { return twice(to) + by }
}

func main() {
	n := len(os.Args)
	var s shape = &square{n}
	c := make(chan int)
	go func() { c <- s.area(n) }()
	sum := <-c + adder(n)(3) + pair{n, 1}.first()
	defer func() { println(sum) }()
	if sum < 0 {
		panic("negative")
	}
}
