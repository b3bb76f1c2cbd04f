package main

import (
	"os"
	"testing"
	"time"
)

func TestThisProcessHasMemoryAndRuns(t *testing.T) {
	memory, err := highWater(os.Getpid())
	if err != nil || memory < 1<<20 || memory > 1<<40 {
		t.Errorf("got %d bytes, %v", memory, err)
	}
	ran, err := processorTime(os.Getpid())
	if err != nil || ran <= 0 || ran > 24*time.Hour {
		t.Errorf("got %v, %v", ran, err)
	}
}
