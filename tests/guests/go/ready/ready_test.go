// Package ready takes long to initialise, and has tests of what that leaves to them. What they find is the reason for which they skip.
package ready

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	table   = sum(20_000_000)
	drawn   = rand.Uint64()
	begun   = time.Now()
	args    = strings.Join(os.Args[1:], " ")
	opened  = open()
	lines   = bufio.NewScanner(opened)
	first   = lines.Scan()
	asked   = make(chan int)
	answers = make(chan int)
	note    = filepath.Join(os.TempDir(), "note")
)

func sum(most uint64) (sum uint64) {
	for i := range most {
		sum += i
	}
	return sum
}

func open() *os.File {
	file, err := os.Open("ready_test.go")
	if err != nil {
		panic(err)
	}
	return file
}

func init() {
	go func() {
		for number := range asked {
			answers <- number + 1
		}
	}()
	time.Sleep(time.Millisecond)
	if err := os.WriteFile(note, []byte("before"), 0o600); err != nil {
		panic(err)
	}
}

func TestRandomness(t *testing.T) {
	places := map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true}
	order := ""
	for place := range places {
		order += fmt.Sprint(place)
	}
	t.Skip(drawn, rand.Uint64(), order, table)
}

func TestTime(t *testing.T) {
	t.Skip(begun, time.Since(begun))
}

func TestArguments(t *testing.T) {
	t.Skipf("%q, and now %q", args, strings.Join(os.Args[1:], " "))
}

func TestGoroutine(t *testing.T) {
	asked <- 6
	t.Skip(<-answers)
}

func TestFiles(t *testing.T) {
	text, err := os.ReadFile(note)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(note, append(text, ", and after"...), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Skip(string(text), lines.Text())
}

func TestMemory(t *testing.T) {
	held := make([][]byte, 100)
	for i := range held {
		held[i] = make([]byte, 1<<20)
	}
	t.Skip(len(held))
}

func TestLeaksATask(*testing.T) {
	go func() { select {} }()
}

func TestPanics(*testing.T) { panic("boom") }

func TestExits(*testing.T) { os.Exit(3) }

func TestIsAsleep(*testing.T) {
	close(asked)
	select {}
}

func BenchmarkWords(b *testing.B) {
	for range b.N {
		table += sum(10)
	}
	b.ReportMetric(float64(table%10), "words/op")
}
