package outage_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
)

// Services whose SECRETS_KEY lacks a key of the database report it on their ops ports and continue to work.
func TestMissingKeyIsReportedByHealthAndMetrics(t *testing.T) {
	t.Parallel()
	url := testservers.Postgres(t)
	right := start(t, url)
	right.endpoint()
	wrong := startSealed(t, storetest.Sealer(t), places{apiDatabase: url})
	for name, addr := range wrong.opsAddrs() {
		overall, keys := health(t, addr, "keys")
		assert.Equal(t, "degraded", overall, name)
		assert.Equal(t, "failed", keys, name)
		assert.Equal(t, "1", gauge(t, addr, "redrive_secrets_keys_missing"), name)
	}
	for name, addr := range right.opsAddrs() {
		overall, keys := health(t, addr, "keys")
		assert.Equal(t, "ok", overall, name)
		assert.Equal(t, "ok", keys, name)
		assert.Equal(t, "0", gauge(t, addr, "redrive_secrets_keys_missing"), name)
	}
}
