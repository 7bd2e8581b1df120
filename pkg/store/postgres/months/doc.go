// Package months divides the tables of deliveries, attempts and events by month, in a PostgreSQL database that an operator has converted.
//
// A table is partitioned by ranges of IDs. IDs begin with their time, so that a month is a range. Attempts are partitioned by the ID of
// their delivery and are dropped with it. Each table has these partitions:
//
//	deliveries_first     everything before the first month that begins after the conversion: the table as it was
//	deliveries_202612    the deliveries whose IDs were made in December 2026, in UTC
//	deliveries_default   what belongs to no other partition: IDs of a month without a partition, and rows that outlived their month
//
//	             CHECK, VALIDATE               swap                           AheadMonths before they begin
//	deliveries ─────────────────▶ deliveries ─────────▶ deliveries_first ...  deliveries_202701
//	                                                          │ RETENTION has passed for the whole month
//	                                                          ▼
//	                           watch ──▶ scan ──▶ detach, move what is kept ──▶ drop
//
// Locks that block other statements are held for milliseconds: no scan of a table and no removal of a file happens under them. A
// lock that is not granted within a fraction of a second is given up and requested again, because all other statements queue behind it.
// Every step can be interrupted, and the next call removes what is left of it.
package months
