//go:build go1.25

package world

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestTimeOfABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		time.Sleep(time.Hour)
		if passed := time.Since(begin); passed != time.Hour {
			t.Error(passed)
		}
	})
}
