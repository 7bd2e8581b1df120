// Package endpoints has the pages of endpoints: the list, one endpoint with its health, changes and actions, and the forms that add, edit,
// test and delete an endpoint and rotate its signing secret.
//
//	endpoints                       list
//	endpoints/new                   form ─── POST ──► the signing secret, once
//	endpoints/{id}                  one endpoint; its buttons POST to {id}/pause, resume, enable and disable
//	endpoints/{id}/edit             form ─── POST ──► a patch of the fields that were changed
//	endpoints/{id}/test             form ─── POST ──► the receiver's answer
//	endpoints/{id}/rotate-secret    form ─── POST ──► the new signing secret, once; an overlap of 0 is confirmed first
//	endpoints/{id}/delete           confirmation ─── POST ──► list
//	endpoints/{id}/changes          all changes
//
// A signing secret is in the answer to the form that made it and on no other page. Header values are only in the answer to a form that was
// refused and had them.
package endpoints
