// Package profile has two tests whose heap profiles are worth a comparison:
//
//	airtight go ./profile -run ^TestThreeEntries$ --report pprof=three.pb.gz
//	airtight go ./profile -run ^TestThirtyEntries$ --report pprof=thirty.pb.gz
//	go tool pprof -top -sample_index=inuse_space -diff_base three.pb.gz thirty.pb.gz
package profile

import "testing"

type store struct{ entries map[int][]byte }

// add is where the blocks come from that are more.
func (s *store) add(key int) { s.entries[key] = make([]byte, 1<<10) }

var kept store

func fill(count int) {
	kept.entries = make(map[int][]byte)
	for key := range count {
		kept.add(key)
	}
}

func TestThreeEntries(*testing.T) { fill(3) }

func TestThirtyEntries(*testing.T) { fill(30) }
