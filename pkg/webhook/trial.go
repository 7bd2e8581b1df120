package webhook

import "time"

// EventTypeTest is the type of a test delivery that names no other.
const EventTypeTest = ReservedPrefix + "test"

// TestInterval is the least time between two test deliveries to an endpoint.
const TestInterval = time.Second
