// Package teardown has a TestMain with a set-up and no teardown, and clean-ups in the order in which they run.
package teardown

import (
	"os"
	"strings"
	"testing"
)

var data string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "set-up")
	if err != nil {
		panic(err)
	}
	data = dir
	os.Exit(m.Run())
}

func TestUsesTheSetUp(t *testing.T) {
	if _, err := os.Stat(data); err != nil {
		t.Error(err)
	}
}

func TestOrder(t *testing.T) {
	var order []string
	t.Run("inner", func(t *testing.T) {
		t.Cleanup(func() { order = append(order, "first registered") })
		t.Cleanup(func() {
			order = append(order, "last registered")
			t.Cleanup(func() { order = append(order, "registered by a clean-up") })
		})
		defer func() { order = append(order, "deferred") }()
	})
	if got := strings.Join(order, ", "); got != "deferred, last registered, registered by a clean-up, first registered" {
		t.Error(got)
	}
}
