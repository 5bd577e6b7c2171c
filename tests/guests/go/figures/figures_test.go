// Package figures has tests of which figures are told: what their heap grows by, what a benchmark reports, what initialisation costs,
// and a limit that a comment asks for.
package figures

import (
	"os"
	"testing"
)

var table = func() (sum int) {
	for i := range 1_000_000 {
		sum += i
	}
	return sum
}()

var kept [][]byte

func keep(size int) {
	block := make([]byte, size)
	kept = append(kept, block)
}

func TestGrows(t *testing.T) {
	for range 40 {
		keep(1 << 10)
	}
	for range 100 {
		_ = append([]byte(nil), make([]byte, 100+table%2)...)
	}
}

func TestGrowsLessThanIsTold(*testing.T) { keep(1 << 10) }

func TestLeavesNothing(*testing.T) {}

func TestEndsByAPanic(*testing.T) { panic("boom") }

// TestOpensTooMany has a limit of its own.
//
//airtight:limit handles=3
func TestOpensTooMany(t *testing.T) {
	for range 4 {
		file, err := os.Open("figures_test.go")
		if err != nil {
			t.Skipf("refused: %d", len(kept))
		}
		defer file.Close()
		kept = append(kept, nil)
	}
}

var sink []byte

func BenchmarkWords(b *testing.B) {
	b.Run("small", func(b *testing.B) {
		for range b.N {
			sink = make([]byte, 10)
		}
		b.ReportMetric(7.5, "words/op")
	})
	b.Run("none", func(*testing.B) {})
}
