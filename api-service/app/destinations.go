package app

import (
	"context"
	"errors"

	"redrive/pkg/egress"
	"redrive/pkg/webhook"
)

// destinations converts the guard's refusals to errors of the domain, because the two packages do not import each other.
type destinations struct{ guard *egress.Guard }

func (d destinations) Check(ctx context.Context, url string) error {
	err := d.guard.CheckURL(ctx, url)
	var refused *egress.Refusal
	if errors.As(err, &refused) {
		return webhook.Invalid(refused.Reason, "url", refused.Message)
	}
	return err
}
