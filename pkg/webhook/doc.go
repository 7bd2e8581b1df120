// Package webhook is the domain of Redrive: endpoints, events, deliveries and attempts, and the state changes that a delivery may make.
// It imports the standard library only. All rules of delivering can therefore be read and tested in one place.
//
// A delivery is one event for one endpoint:
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
// Policy decides the state after an attempt. Delivery.Retried is the manual retry. Every change of state raises the delivery's revision,
// so that a store can refuse an outcome that was decided on an older state ("fencing").
package webhook
