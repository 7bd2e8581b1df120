// Package webhook is the domain of Redrive: what an endpoint, an event, a delivery and an attempt are, and which moves a
// delivery may make. It knows nothing of HTTP servers, databases or queues and imports the standard library only, so that
// every rule of delivering can be read, and tested, in one place.
//
// A delivery is one event on its way to one endpoint:
//
//	                     published
//	                         │
//	                         ▼
//	      manual retry  ┌─────────┐   2xx    ┌─────────┐
//	    ┌──────────────▶│ pending │─────────▶│ success │
//	    │               └─────────┘          └─────────┘
//	    │                │       │                ▲
//	    │        no more │       │ another try    │ 2xx
//	    │        tries   │       ▼                │
//	┌─────────┐          │  ┌──────────┐          │
//	│ failure │◀─────────┴──│ retrying │──────────┘
//	└─────────┘   no more   └──────────┘
//	              tries       │      ▲
//	                          └──────┘ another try
//
// Policy decides the moves after an attempt; Delivery.Retried is the manual retry. Every move raises the delivery's revision,
// so that a store can refuse an outcome that was decided on an older state ("fencing").
package webhook
