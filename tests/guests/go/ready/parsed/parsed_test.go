// Package parsed reads the flags before its tests are known.
package parsed

import (
	"flag"
	"testing"
)

var rounds int

func init() {
	testing.Init()
	flag.Parse()
	for range 40_000_000 {
		rounds++
	}
}

func TestOne(*testing.T) {}

func TestTwo(t *testing.T) { t.Error("fails") }

func TestFour(*testing.T) {}

func TestFive(*testing.T) {}

func TestThree(t *testing.T) { t.Skip(rounds) }
