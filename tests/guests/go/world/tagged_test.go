//go:build integration

package world

import "testing"

func TestTagged(*testing.T) {}
