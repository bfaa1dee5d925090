-- The taxi zones of New York City, for whoever joins trips with them.

-- name: create_zones
-- What the zone numbers of trips mean.
create table if not exists trips.taxi_zone (
    location_id integer primary key,
    borough text,
    zone text not null
);
comment on table trips.taxi_zone is 'The taxi zones of New York City: trips name them in pu_location_id and do_location_id.';

-- name: insert_zone
-- One zone; the same one twice does nothing.
insert into trips.taxi_zone (location_id, borough, zone)
values (%(number)s, %(borough)s, %(name)s)
on conflict (location_id) do nothing;
