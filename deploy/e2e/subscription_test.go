package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSubscriptionMatchesExactPrefixAndAll(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		_, url := answering(t, status(200))
		names := map[string]string{}
		for name, types := range map[string][]string{
			"exact":  {"run.finished"},
			"prefix": {"run.*"},
			"star":   {"*"},
			"none":   nil,
			"two":    {"node.failed", "run.finished"},
			"deep":   {"run.step.*"},
		} {
			names[c.endpoint(t, url, 0, types...).ID] = name
		}
		for eventType, want := range map[string][]string{
			"run.finished":   {"exact", "prefix", "star", "none", "two"},
			"run.started":    {"prefix", "star", "none"},
			"run":            {"star", "none"},
			"runs.finished":  {"star", "none"},
			"Run.finished":   {"star", "none"},
			"node.failed":    {"star", "none", "two"},
			"run.step.ended": {"prefix", "star", "none", "deep"},
		} {
			var got []string
			for _, d := range c.publishEvent(t, fmt.Sprintf(`{"eventType":%q,"data":{}}`, eventType)).Deliveries {
				assert.Equal(t, eventType, c.delivery(t, d.ID).EventType)
				got = append(got, names[d.EndpointID])
			}
			assert.ElementsMatch(t, want, got, eventType)
		}
	})
}
