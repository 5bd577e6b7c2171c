// Package heartbeat starts a goroutine in TestMain that nobody stops.
package heartbeat

import (
	"os"
	"testing"
	"time"
)

var beats int

func TestMain(m *testing.M) {
	go func() {
		for range time.Tick(time.Hour) {
			beats++
		}
	}()
	os.Exit(m.Run())
}

func TestOne(*testing.T) {}

func TestTwo(*testing.T) {}
