package embedded_test

import (
	"testing"

	"portcullis/internal/lockouttest"
)

func TestLinearizable(t *testing.T) { lockouttest.TestLinearizable(t, fresh(t).Attempts, 10) }
