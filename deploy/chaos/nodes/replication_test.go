package nodes

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/deploy/chaos/internal/audit"
	"redrive/pkg/webhook"
)

func TestNotReplicatedExcusesTheWindowAlone(t *testing.T) {
	began := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	w := &world{}
	w.Fault(audit.Fault{Kind: audit.PostgresStopped, Began: began, Over: began.Add(6 * time.Second)})
	finding := func(rule string, after time.Duration) audit.Finding {
		return audit.Finding{Rule: rule, Delivery: webhook.NewID(webhook.KindDelivery, began.Add(after))}
	}
	assert.True(t, notReplicated(w, finding("lost", time.Second)))
	assert.False(t, notReplicated(w, finding("lost", -5*time.Second)), "it was replicated")
	assert.False(t, notReplicated(w, finding("lost", 7*time.Second)), "the standby had accepted it as the primary")
	assert.True(t, notReplicated(w, finding("request without a record", -5*time.Second)), "the outcome may be younger than the delivery")
	assert.False(t, notReplicated(w, finding("signature", time.Second)))
	assert.False(t, notReplicated(w, audit.Finding{Rule: "lost", Delivery: "unknown"}))
}
