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
		h := withRest(http.NotFoundHandler(), func() { rested.Add(1) })
		ask := func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) }
		for _, step := range []struct {
			what  string
			asked bool
			wait  time.Duration
			want  int32
		}{
			{"a request", true, 4 * time.Second, 0},
			{"another before the time is over", true, 4 * time.Second, 0},
			{"quiet", false, 2 * time.Second, 1},
			{"an hour of quiet", false, time.Hour, 1},
			{"a request again", true, 6 * time.Second, 2},
		} {
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
