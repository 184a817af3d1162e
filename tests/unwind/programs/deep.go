// SPDX-License-Identifier: MIT
package main

import (
	"fmt"
	"os"
	"syscall"
)

//go:noinline
func deep(n int, s string) int {
	if n == 0 {
		syscall.Kill(os.Getpid(), syscall.SIGQUIT)
		select {}
	}
	return deep(n-1, s) + 1
}

func main() {
	go func() { select {} }()
	fmt.Println(deep(6, "text"))
}
