package bulkhead

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/circuit"
	"redrive/pkg/webhook"
)

func status(code int) webhook.Result {
	return webhook.Result{ResponseStatus: code, Duration: time.Millisecond}
}

// Of 25 attempts, the first is answered last. The other 24 get 503 before that.
func TestCircuitLateAnswerOpensNothing(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		late := b.acquire(b.request("ep_a"))
		for range 24 {
			b.attempt("ep_a", status(http.StatusServiceUnavailable))
		}
		time.Sleep(3 * time.Second)
		late.Complete(quickly(3 * time.Second))
		require.Equal(t, circuit.Closed, b.state("ep_a").State)

		time.Sleep(9 * time.Second)
		b.attempt("ep_a", status(http.StatusServiceUnavailable))
		require.Equal(t, circuit.Closed, b.state("ep_a").State, "the answer has reset the series of failures")
		for range 18 {
			time.Sleep(time.Second)
			b.attempt("ep_a", status(http.StatusServiceUnavailable))
		}
		require.Equal(t, circuit.Closed, b.state("ep_a").State, "19 failures since the answer")
		time.Sleep(time.Second)
		b.attempt("ep_a", status(http.StatusServiceUnavailable))
		require.Equal(t, circuit.Open, b.state("ep_a").State)
		assert.Equal(t, "it has given no service for 19s", b.state("ep_a").Reason)
	})
}
