package e2e

import (
	"testing"

	"redrive/deploy/stack"
)

// newStack starts a way of running Redrive.
type newStack func(testing.TB, stack.Options) stack.Stack

// kind is a way of running Redrive with the stacks that its stories share.
type kind struct {
	name    string
	regular *sharedStack
	// guarded is as in production; nil if this kind cannot be. See onGuardedStack.
	guarded *sharedStack
	// fragile is for stories that stop parts of the stack; nil if this kind has no parts. See onFragileStack.
	fragile *sharedStack
}

// ofServices is a kind whose services are separate programs.
func ofServices(name string, start newStack) *kind {
	return &kind{
		name:    name,
		regular: &sharedStack{start: start, options: stack.Options{OperatorPassword: operatorPassword}},
		guarded: &sharedStack{start: start, options: stack.Options{PublicOnly: true}},
		fragile: &sharedStack{start: start},
	}
}

// kinds are the ways of running Redrive that stories run on. The build tag containers replaces them.
var kinds = []*kind{
	ofServices("processes", func(tb testing.TB, options stack.Options) stack.Stack { return stack.Processes(tb, options) }),
	{
		name: "embedded",
		regular: &sharedStack{
			start:   func(tb testing.TB, options stack.Options) stack.Stack { return stack.Embedded(tb, options) },
			options: stack.Options{OperatorPassword: operatorPassword},
		},
	},
}

// onEachStack runs a story on each kind of stack, in parallel with other stories. The story uses an organization of its own.
func onEachStack(t *testing.T, story func(*testing.T, *suite)) {
	t.Helper()
	onStacks(t, kinds, story)
}

// onFirstStack runs a story on the first kind only. Programs of callers take long to start, and depend on no kind of stack.
func onFirstStack(t *testing.T, story func(*testing.T, *suite)) {
	t.Helper()
	onStacks(t, kinds[:1], story)
}

func onStacks(t *testing.T, on []*kind, story func(*testing.T, *suite)) {
	t.Helper()
	t.Parallel()
	for _, k := range on {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			story(t, k.regular.get(t))
		})
	}
}

// onGuardedStack runs a story on stacks that send to public https addresses only and have no operator's password. The story also
// gets the regular stack of the same kind, as another installation.
func onGuardedStack(t *testing.T, story func(t *testing.T, guarded, other *suite)) {
	t.Helper()
	t.Parallel()
	for _, k := range kinds {
		if k.guarded == nil {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			story(t, k.guarded.get(t), k.regular.get(t))
		})
	}
}

// onFragileStack runs a story that stops or kills parts of the stack. Such stories run one after the other, in parallel with the
// stories of other stacks.
func onFragileStack(t *testing.T, story func(*testing.T, *suite)) {
	t.Helper()
	t.Parallel()
	for _, k := range kinds {
		if k.fragile == nil {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := k.fragile.get(t)
			k.fragile.turn.Lock()
			defer k.fragile.turn.Unlock()
			story(t, s)
		})
	}
}
