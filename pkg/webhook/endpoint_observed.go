package webhook

import "context"

type observerInContext struct{}

// ObservingChanges returns a context for writes whose changes of endpoints are passed to observe. The write calls observe once for each
// change, in its own goroutine, after the commit. It does not call observe if it changes nothing or fails.
func ObservingChanges(ctx context.Context, observe func(EndpointChanged)) context.Context {
	return context.WithValue(ctx, observerInContext{}, observe)
}

// Observe passes a change that was committed to the observer of the context, if there is one. It ignores the zero EndpointChanged.
func (c EndpointChanged) Observe(ctx context.Context) {
	if observe, observed := ctx.Value(observerInContext{}).(func(EndpointChanged)); observed && c.ID != "" {
		observe(c)
	}
}

// AuditAction is the name of the change in the audit log, such as endpoint.created.
func (c EndpointChanged) AuditAction() string { return "endpoint." + string(c.Change) }
