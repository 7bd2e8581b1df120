package nodes

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/load"
	"redrive/deploy/chaos/internal/receiver"
)

func TestMeasureInterruptedIsAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, err := receiver.New(receiver.Options{})
	require.NoError(t, err)
	defer func() { assert.NoError(t, r.Close()) }()
	w := &world{receiver: r, load: &load.Load{}, answers: &answers{}, progress: io.Discard}
	cancel()

	began := time.Now()
	_, err = w.measure(ctx, measure{what: "a fault", since: began, note: "a note"}, audit.Fault{Began: began})
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, w.measures)
	assert.Len(t, w.Faults(), 1, "the fault counts all the same")
}
