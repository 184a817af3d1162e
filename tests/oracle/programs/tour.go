// SPDX-License-Identifier: MIT

// What Go has: interfaces, methods, closures, goroutines, generics, defer, panics.
package main

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
)

type shape interface{ area() float64 }

type square struct{ side float64 }
type circle struct{ radius float64 }

func (s square) area() float64  { return s.side * s.side }
func (c *circle) area() float64 { return 3.14159 * c.radius * c.radius }

var errEmpty = errors.New("empty")

func largest(items []int) (best int, err error) {
	if len(items) == 0 {
		return 0, errEmpty
	}
	for _, item := range items {
		if item > best {
			best = item
		}
	}
	return best, nil
}

func small(n int) int { return n*3 + 1 }

func middle(n int) int { return small(n) + small(n+1) }

//go:noinline
func guarded(n int) (result int) {
	defer func() {
		if r := recover(); r != nil {
			result = -1
		}
	}()
	return 100 / (n - 1)
}

func count(words []string) map[string]int {
	counts := make(map[string]int)
	for _, w := range words {
		counts[strings.ToLower(w)]++
	}
	return counts
}

func main() {
	n := len(os.Args)
	shapes := []shape{square{float64(n)}, &circle{2}}
	total := 0.0
	for _, s := range shapes {
		total += s.area()
	}
	done := make(chan int)
	numbers := []int{}
	for i := 0; i < 20; i++ {
		numbers = append(numbers, middle(i*n)%17)
	}
	go func() {
		sort.Slice(numbers, func(a, b int) bool { return numbers[a] < numbers[b] })
		done <- len(numbers)
	}()
	length := <-done
	best, err := largest(numbers)
	fmt.Println(total, best, err, length, guarded(n), count(strings.Fields("a b A")))
}
