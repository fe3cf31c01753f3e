/**
 * What {@link createPostgresGate} needs in the database, beside the table of lineages. Names are written `keyward_…`
 * and get the configured prefix.
 *
 * The functions follow `src/limits/admission-log.ts` and `coarse-counter.ts` step by step, in microseconds: whoever
 * changes one changes the other. A migration that was released never changes; a new one replaces its functions.
 */
export const gateMigrations: readonly { readonly name: string; readonly sql: string }[] = [
  {
    name: 'gate-001',
    sql: `
-- One row a bucket, named by the first 128 bits of the SHA-256 of its id. Instants are microseconds since 1970.
--   units:    instants of the newest units of limits to 4,096, oldest first
--   cells:    a counter of 70 numbers for each length of window with a greater limit: length, length of a cell, number
--             of the first and of the last cell, total, and 65 cells, each at its number modulo 65
--   capacity, span, longest: the greatest exact limit, the longest exact window and the longest window asked for
--   latest:   the last admission; behind: how far a clock that stepped back is behind it
--   drop_at:  when the row may go. It is raised by a quarter of a window at a time and not with every admission, so that nearly
--             all updates leave the index alone.
CREATE UNLOGGED TABLE keyward_gate_logs (
  high bigint NOT NULL,
  low bigint NOT NULL,
  capacity integer NOT NULL,
  span bigint NOT NULL,
  longest bigint NOT NULL,
  latest bigint NOT NULL,
  behind bigint NOT NULL,
  drop_at bigint NOT NULL,
  units bigint[] NOT NULL,
  cells bigint[] NOT NULL,
  PRIMARY KEY (high, low)
) WITH (
  fillfactor = 50,
  toast_tuple_target = 8160,
  autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_vacuum_cost_delay = 0
);
ALTER TABLE keyward_gate_logs ALTER COLUMN units SET STORAGE EXTERNAL;
CREATE INDEX keyward_gate_logs_drop_at ON keyward_gate_logs (drop_at) WITH (fillfactor = 70);

-- Units of a counter that begins after position o, in cells that overlap the window that ends at an instant.
CREATE FUNCTION keyward_gate_cells_used(cells bigint[], o integer, at bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $keyward$
DECLARE
  inside bigint := (at - cells[o + 1]) / cells[o + 2];
  used bigint := cells[o + 5];
  cell bigint := cells[o + 3];
BEGIN
  IF used = 0 OR inside > cells[o + 4] THEN RETURN 0; END IF;
  WHILE cell < inside LOOP
    used := used - cells[o + 6 + cell % 65];
    cell := cell + 1;
  END LOOP;
  RETURN used;
END $keyward$;

-- When the oldest so many of the units in the window no longer count.
CREATE FUNCTION keyward_gate_cells_free_at(cells bigint[], o integer, need bigint, at bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $keyward$
DECLARE
  cell bigint := greatest(cells[o + 3], (at - cells[o + 1]) / cells[o + 2]);
  freed bigint := cells[o + 6 + cell % 65];
BEGIN
  WHILE freed < need AND cell < cells[o + 4] LOOP
    cell := cell + 1;
    freed := freed + cells[o + 6 + cell % 65];
  END LOOP;
  RETURN (cell + 1) * cells[o + 2] + cells[o + 1];
END $keyward$;

-- Counts units in every counter. None may be older than what was counted before.
CREATE FUNCTION keyward_gate_cells_add(cells bigint[], at bigint, counted bigint) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE AS $keyward$
DECLARE
  cell bigint;
  inside bigint;
  slot integer;
BEGIN
  FOR o IN 0 .. cardinality(cells) - 70 BY 70 LOOP
    cell := at / cells[o + 2];
    inside := (at - cells[o + 1]) / cells[o + 2];
    IF cells[o + 5] = 0 OR inside > cells[o + 4] THEN
      cells[o + 6 : o + 70] := array_fill(0::bigint, ARRAY[65]);
      cells[o + 5] := 0;
      cells[o + 3] := cell;
    END IF;
    WHILE cells[o + 3] < inside LOOP
      slot := o + 6 + cells[o + 3] % 65;
      cells[o + 5] := cells[o + 5] - cells[slot];
      cells[slot] := 0;
      cells[o + 3] := cells[o + 3] + 1;
    END LOOP;
    slot := o + 6 + cell % 65;
    cells[o + 4] := cell;
    cells[o + 5] := cells[o + 5] + counted;
    cells[slot] := cells[slot] + counted;
  END LOOP;
  RETURN cells;
END $keyward$;

-- Everything known of a log, newest first, as pairs of instant and number of units: the exact units one by one, then
-- what the finest counter that covers the window has besides, or else the longest counter.
CREATE FUNCTION keyward_gate_known(units bigint[], cells bigint[], latest bigint, window_us bigint) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE AS $keyward$
DECLARE
  found bigint[] := '{}';
  bound bigint := latest;
  known bigint := cardinality(units);
  best integer;
  cell bigint;
  besides bigint;
  held bigint;
BEGIN
  FOR i IN REVERSE cardinality(units) .. 1 LOOP
    bound := least(bound, units[i]);
    found := found || bound;
    found := found || 1::bigint;
  END LOOP;
  FOR o IN 0 .. cardinality(cells) - 70 BY 70 LOOP
    IF best IS NULL OR (cells[o + 1] >= window_us AND cells[o + 1] < cells[best + 1])
      OR (cells[best + 1] < window_us AND cells[o + 1] > cells[best + 1]) THEN
      best := o;
    END IF;
  END LOOP;
  IF best IS NULL OR cells[best + 5] = 0 THEN RETURN found; END IF;
  cell := cells[best + 4];
  WHILE cell >= cells[best + 3] LOOP
    held := cells[best + 6 + cell % 65];
    besides := greatest(0, held - known);
    known := known - (held - besides);
    IF besides > 0 THEN
      found := found || least(bound, (cell + 1) * cells[best + 2]);
      found := found || besides;
    END IF;
    cell := cell - 1;
  END LOOP;
  RETURN found;
END $keyward$;

-- Adds a counter for a length of window, and fills it with what is known.
CREATE FUNCTION keyward_gate_add_counter(units bigint[], cells bigint[], latest bigint, window_us bigint) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE AS $keyward$
DECLARE
  known bigint[] := keyward_gate_known(units, cells, latest, window_us);
  added bigint[] := array_fill(0::bigint, ARRAY[70]);
BEGIN
  added[1] := window_us;
  added[2] := (window_us / 1000 + 63) / 64 * 1000;
  FOR i IN REVERSE cardinality(known) / 2 .. 1 LOOP
    added := keyward_gate_cells_add(added, known[2 * i - 1], known[2 * i]);
  END LOOP;
  RETURN cells || added;
END $keyward$;

-- The exact units for a longer window or a greater limit: as much of what is known as belongs there.
CREATE FUNCTION keyward_gate_widen(
  units bigint[], cells bigint[], latest bigint, window_us bigint, capacity bigint
) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE AS $keyward$
DECLARE
  known bigint[] := keyward_gate_known(units, cells, latest, window_us);
  newest bigint[] := '{}';
  oldest_first bigint[] := '{}';
BEGIN
  FOR i IN 1 .. cardinality(known) / 2 LOOP
    EXIT WHEN cardinality(newest) >= capacity;
    IF latest - known[2 * i - 1] < window_us THEN
      FOR j IN 1 .. least(known[2 * i], capacity - cardinality(newest)) LOOP
        newest := newest || known[2 * i - 1];
      END LOOP;
    END IF;
  END LOOP;
  FOR i IN REVERSE cardinality(newest) .. 1 LOOP
    oldest_first := oldest_first || newest[i];
  END LOOP;
  RETURN oldest_first;
END $keyward$;

-- Removes logs that have been empty for a quarter of a window, at most so many; answers how many, or -1 when none are left.
CREATE FUNCTION keyward_gate_sweep(at_most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $keyward$
DECLARE
  now_us CONSTANT bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
  swept integer;
BEGIN
  DELETE FROM keyward_gate_logs t WHERE t.ctid = ANY (ARRAY(
    SELECT s.ctid FROM keyward_gate_logs s WHERE s.drop_at <= now_us ORDER BY s.drop_at LIMIT at_most
    FOR UPDATE SKIP LOCKED
  ));
  GET DIAGNOSTICS swept = ROW_COUNT;
  IF swept = 0 AND NOT EXISTS (SELECT FROM keyward_gate_logs) THEN RETURN -1; END IF;
  RETURN swept;
END $keyward$;

-- Decides one request.
--   logs:   high and low of each bucket's name, in ascending order, none twice
--   asked:  for each of them what is counted if all fits, how many windows follow, and for each window what must fit,
--           what is asked for, the limit, and its length
-- Answers 'stale', or 'admitted' or 'refused' and for each window what is left, when the next unit is free, and when
-- what is asked for fits (-1: never; 0 after an admission).
CREATE FUNCTION keyward_gate_admit(
  asked_lineage text, asked_version bigint, counts boolean, logs bigint[], asked bigint[]
) RETURNS text
LANGUAGE plpgsql VOLATILE AS $keyward$
#variable_conflict use_variable
DECLARE
  log_count CONSTANT integer := cardinality(logs) / 2;
  current_version bigint;
  now_us bigint;
  fits boolean := true;
  reply text := '';
  l integer;
  p integer := 1;
  first_window integer;
  last_window integer;
  -- the log that is looked at
  held boolean;
  live boolean;
  changed boolean;
  capacity integer;
  span bigint;
  longest bigint;
  latest bigint;
  behind bigint;
  was_behind bigint;
  drop_at bigint;
  units bigint[];
  cells bigint[];
  at bigint;
  n integer;
  -- the window that is looked at
  max_units bigint;
  window_us bigint;
  wanted bigint;
  o integer;
  used bigint;
  need bigint;
  reset_us bigint;
  retry_us bigint;
  wider_span bigint;
  wider_capacity bigint;
  dropped integer;
  pushed integer;
BEGIN
  -- Each statement must see what was committed before it began.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'keyward needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
  END IF;
  FOR i IN 1 .. log_count LOOP
    PERFORM pg_advisory_xact_lock(logs[2 * i - 1]);
  END LOOP;
  now_us := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;

  -- The usual case in one statement: one unit, and one exact window that its log was made for and that has room.
  -- Whatever is unusual finds no row here, and is decided below.
  IF counts AND log_count = 1 AND asked[2] = 1 AND asked[1] = 1 AND asked[3] = 1 AND asked[5] BETWEEN 1 AND 4096 THEN
    max_units := asked[5];
    window_us := asked[6];
    UPDATE keyward_gate_logs t
    SET latest = now_us,
      drop_at = CASE WHEN now_us + t.longest > t.drop_at THEN now_us + t.longest + t.longest / 4 ELSE t.drop_at END,
      units = t.units[
        greatest(width_bucket(now_us - t.span, t.units), cardinality(t.units) + 1 - t.capacity) + 1 :
      ] || now_us
    WHERE t.high = logs[1] AND t.low = logs[2]
      AND asked_version = (SELECT v.version FROM keyward_lineages v WHERE v.id = asked_lineage)
      AND t.latest <= now_us AND t.behind = 0 AND now_us - t.latest < t.longest AND cardinality(t.cells) = 0
      AND t.capacity >= max_units AND t.span >= window_us
      AND (cardinality(t.units) < max_units OR t.units[cardinality(t.units) + 1 - max_units] <= now_us - window_us)
    RETURNING 'admitted ' || max_units - cardinality(t.units) + width_bucket(now_us - window_us, t.units) || ' '
      || t.units[width_bucket(now_us - window_us, t.units) + 1] + window_us - now_us || ' 0'
    INTO reply;
    IF FOUND THEN RETURN reply; END IF;
    reply := '';
  END IF;

  SELECT t.version INTO current_version FROM keyward_lineages t WHERE t.id = asked_lineage;
  IF current_version IS DISTINCT FROM asked_version THEN RETURN 'stale'; END IF;

  -- Every log is tested, then every log is counted in and described. A single one is read once.
  FOR turn IN 1 .. 2 * log_count LOOP
    l := turn;
    IF turn > log_count THEN l := turn - log_count; END IF;
    IF l = 1 THEN p := 1; END IF;
    first_window := p + 2;
    last_window := p + 2 + 4 * (asked[p + 1]::integer - 1);

    IF turn <= log_count OR log_count > 1 THEN
      -- A clock that stepped back goes on from the latest admission.
      SELECT t.drop_at, t.behind, s.behind, now_us + s.behind, now_us + s.behind - t.latest < t.longest,
        t.capacity, t.span, t.longest, t.latest, t.units, t.cells
      INTO drop_at, was_behind, behind, at, live, capacity, span, longest, latest, units, cells
      FROM keyward_gate_logs t CROSS JOIN LATERAL (
        SELECT CASE WHEN now_us < t.latest THEN greatest(t.behind, t.latest - now_us) ELSE 0 END AS behind
      ) s
      WHERE t.high = logs[2 * l - 1] AND t.low = logs[2 * l];
      held := FOUND;
      IF NOT held THEN
        live := false;
        behind := 0;
        at := now_us;
        drop_at := 0;
      END IF;
      IF live THEN
        changed := behind <> was_behind;
      ELSE
        changed := false;
        capacity := 0;
        span := 0;
        longest := 0;
        latest := at;
        units := '{}';
        cells := '{}';
      END IF;

      -- What is asked of a log is kept up from then on.
      wider_span := span;
      wider_capacity := capacity;
      FOR w IN first_window .. last_window BY 4 LOOP
        window_us := asked[w + 3];
        IF asked[w + 2] <= 4096 THEN
          IF asked[w + 2] > wider_capacity THEN wider_capacity := asked[w + 2]; END IF;
          IF window_us > wider_span THEN wider_span := window_us; END IF;
        ELSE
          o := 0;
          WHILE o < cardinality(cells) AND cells[o + 1] <> window_us LOOP o := o + 70; END LOOP;
          IF o >= cardinality(cells) THEN
            cells := keyward_gate_add_counter(units, cells, latest, window_us);
            changed := changed OR live;
          END IF;
        END IF;
        IF window_us > longest THEN longest := window_us; END IF;
      END LOOP;
      IF wider_span > span OR wider_capacity > capacity THEN
        IF live THEN
          units := keyward_gate_widen(units, cells, latest, wider_span, wider_capacity);
          changed := true;
        END IF;
        span := wider_span;
        capacity := wider_capacity;
      END IF;
      n := cardinality(units);
    END IF;

    IF turn <= log_count THEN
      FOR w IN first_window .. last_window BY 4 LOOP
        wanted := asked[w];
        max_units := asked[w + 2];
        CONTINUE WHEN wanted = 0;
        IF wanted > max_units THEN
          fits := false;
        ELSIF max_units <= 4096 THEN
          IF n + wanted > max_units AND units[n + wanted - max_units] > at - asked[w + 3] THEN fits := false; END IF;
        ELSIF at - latest < asked[w + 3] THEN
          o := 0;
          WHILE cells[o + 1] <> asked[w + 3] LOOP o := o + 70; END LOOP;
          IF keyward_gate_cells_used(cells, o, at) + wanted > max_units THEN fits := false; END IF;
        END IF;
      END LOOP;
    ELSE
      IF fits AND counts AND asked[p] > 0 THEN
        IF cardinality(cells) > 0 THEN
          FOR c IN 0 .. cardinality(cells) - 70 BY 70 LOOP
            IF at - latest >= cells[c + 1] THEN cells[c + 5] := 0; END IF;
          END LOOP;
          cells := keyward_gate_cells_add(cells, at, asked[p]);
        END IF;
        IF capacity > 0 THEN
          pushed := least(asked[p], capacity);
          dropped := n + pushed - capacity;
          IF n > 0 AND units[greatest(1, dropped + 1)] <= at - span THEN
            dropped := width_bucket(at - span, units);
          END IF;
          IF dropped > 0 THEN units := units[dropped + 1 : n]; END IF;
          IF pushed = 1 THEN units := units || at; ELSE units := units || array_fill(at, ARRAY[pushed]); END IF;
          n := cardinality(units);
        END IF;
        latest := at;
        changed := true;
      END IF;
      IF changed THEN
        IF latest + longest > drop_at OR NOT live THEN drop_at := latest + longest + longest / 4; END IF;
        IF held THEN
          UPDATE keyward_gate_logs t
          SET capacity = capacity, span = span, longest = longest, latest = latest, behind = behind, drop_at = drop_at,
            units = units, cells = cells
          WHERE t.high = logs[2 * l - 1] AND t.low = logs[2 * l];
          held := FOUND;
        END IF;
        -- Nobody else inserts it: whoever would must hold the lock. A row that was there may have been swept.
        IF NOT held THEN
          INSERT INTO keyward_gate_logs (high, low, capacity, span, longest, latest, behind, drop_at, units, cells)
          VALUES (logs[2 * l - 1], logs[2 * l], capacity, span, longest, latest, behind, drop_at, units, cells);
        END IF;
      END IF;

      FOR w IN first_window .. last_window BY 4 LOOP
        max_units := asked[w + 2];
        window_us := asked[w + 3];
        used := 0;
        o := 0;
        IF max_units > 4096 THEN
          WHILE cells[o + 1] <> window_us LOOP o := o + 70; END LOOP;
          IF at - latest < window_us THEN used := keyward_gate_cells_used(cells, o, at); END IF;
        ELSIF n > 0 THEN
          IF units[1] > at - window_us THEN used := n;
          ELSE used := n - width_bucket(at - window_us, units);
          END IF;
        END IF;
        reset_us := 0;
        IF used > 0 AND max_units > 0 THEN
          need := greatest(1, used - max_units + 1);
          IF max_units > 4096 THEN reset_us := keyward_gate_cells_free_at(cells, o, need, at) - at;
          ELSE reset_us := units[n - used + need] + window_us - at;
          END IF;
          reset_us := least(reset_us, window_us);
        END IF;
        retry_us := 0;
        wanted := asked[w + 1];
        IF NOT fits AND wanted > 0 AND used + wanted > max_units THEN
          need := used + wanted - max_units;
          IF wanted > max_units THEN retry_us := -1;
          ELSIF max_units > 4096 THEN
            retry_us := least(window_us, keyward_gate_cells_free_at(cells, o, need, at) - at);
          ELSE retry_us := least(window_us, units[n - used + need] + window_us - at);
          END IF;
        END IF;
        reply := reply || ' ' || greatest(0, max_units - used) || ' ' || reset_us || ' ' || retry_us;
      END LOOP;
    END IF;
    p := last_window + 4;
  END LOOP;
  RETURN CASE WHEN fits THEN 'admitted' ELSE 'refused' END || reply;
END $keyward$;
`,
  },
]
