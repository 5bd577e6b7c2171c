// Package sender has senders on channels that nobody reads.
package sender

import (
	"testing"
	"time"
)

func firstOf(answers ...func() int) int {
	first := make(chan int)
	for _, answer := range answers {
		go func() { first <- answer() }()
	}
	return <-first
}

func TestTheSlowerOnesAreBlockedForEver(t *testing.T) {
	one := func() int { return 1 }
	if firstOf(one, one, one) != 1 {
		t.Error("no answer")
	}
}

func TestAnEarlyReturnLeavesTheSender(t *testing.T) {
	results := make(chan int)
	go func() { results <- 1 }()
	select {
	case <-results:
	case <-time.After(0):
	}
}

func TestABufferLetsThemEnd(t *testing.T) {
	first := make(chan int, 3)
	for i := range 3 {
		go func() { first <- i }()
	}
	<-first
}
