// Package places allocates blocks of two sizes in one place, before its test begins and in it.
package places

import (
	"runtime"
	"testing"
)

var (
	sizes = make(chan int)
	done  = make(chan bool)
	kept  [][]byte
)

func worker() {
	for size := range sizes {
		block := make([]byte, size)
		kept = append(kept, block)
		done <- true
	}
}

func allocate(count, size int) {
	for range count {
		sizes <- size
		<-done
	}
}

// From here on the runtime notes every allocation.
var _ = func() bool {
	runtime.MemProfileRate = 1
	go worker()
	allocate(3, 1<<10)
	allocate(5, 64<<10)
	return true
}()

func TestAllocatesBothSizes(*testing.T) {
	allocate(7, 1<<10)
	allocate(1, 64<<10)
}
