package queue

import "github.com/redis/go-redis/v9"

// enqueueing merges the scripts that enqueue deliveries into one queue. The script reads and writes what they have in common once.
var enqueueing = kind{
	script: enqueueScript, size: func(s script) int { return len(s.keys) - enqueueKeys }, merge: mergedEnqueues,
	answer: func(numbers []int64, reply *redis.Cmd) {
		values := make([]any, len(numbers))
		for i, number := range numbers {
			values[i] = number
		}
		reply.SetVal(values)
	},
}

// enqueueKeys and enqueueArguments are the numbers of keys and arguments that deliveries of a queue have in common. Those of a delivery follow.
const enqueueKeys, enqueueArguments = 8, 1

// mergedEnqueues returns one script for several that enqueue a delivery.
func mergedEnqueues(scripts []script, of []int) script {
	first := scripts[of[0]]
	m := script{
		sha: first.sha, keys: append([]string(nil), first.keys[:enqueueKeys]...),
		arguments: append([]any(nil), first.arguments[:enqueueArguments]...),
	}
	for _, i := range of {
		m.keys = append(m.keys, scripts[i].keys[enqueueKeys:]...)
		m.arguments = append(m.arguments, scripts[i].arguments[enqueueArguments:]...)
	}
	return m
}
