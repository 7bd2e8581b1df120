package webhook_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/webhook"
)

func TestSubscribes(t *testing.T) {
	for _, c := range []struct {
		entries []string
		event   string
		want    bool
	}{
		{nil, "run.finished", true},
		{[]string{}, "run.finished", true},
		{[]string{"*"}, "run.finished", true},
		{[]string{"run.finished"}, "run.finished", true},
		{[]string{"run.finished"}, "run.finished.late", false},
		{[]string{"run.*"}, "run.finished", true},
		{[]string{"run.*"}, "run.node.finished", true},
		{[]string{"run.*"}, "run", false},
		{[]string{"run.*"}, "runner.finished", false},
		{[]string{"node.*", "run.finished"}, "run.finished", true},
		{[]string{"node.*"}, "run.finished", false},
	} {
		assert.Equal(t, c.want, webhook.Subscribes(c.entries, c.event), "%v %s", c.entries, c.event)
	}
}

func TestCheckSubscription(t *testing.T) {
	for _, entry := range []string{"*", "run", "run.finished", "run.*", "a-b.c_d.*"} {
		assert.True(t, webhook.CheckSubscription(entry), entry)
	}
	for _, entry := range []string{"", ".", ".*", "*.*", "run.", ".run", "run..x", "r*n", "run*", "run.*.x", "run finished", "rün", "run\x00", strings.Repeat("a", 129)} {
		assert.False(t, webhook.CheckSubscription(entry), "%q", entry)
	}
}
