package main

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestMemoryIsGivenBackOnceAfterEachUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rested atomic.Int32
		var takes time.Duration
		slow := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(takes) })
		h := withRest(slow, func() { rested.Add(1) })
		ask := func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) }
		for _, step := range []struct {
			what  string
			asked bool
			takes time.Duration
			wait  time.Duration
			want  int32
		}{
			{"a request", true, 0, 4 * time.Second, 0},
			{"another before the time is over, which takes some", true, 2 * time.Second, 4 * time.Second, 0},
			{"quiet", false, 0, 2 * time.Second, 1},
			{"an hour of quiet", false, 0, time.Hour, 1},
			{"a request again", true, 0, 6 * time.Second, 2},
		} {
			takes = step.takes
			if step.asked {
				ask()
			}
			time.Sleep(step.wait)
			synctest.Wait()
			if got := rested.Load(); got != step.want {
				t.Errorf("after %s: rested %d times, want %d", step.what, got, step.want)
			}
		}
	})
}
