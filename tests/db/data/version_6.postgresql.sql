SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE FUNCTION public.relex_only_added() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION '% are only ever added', TG_TABLE_NAME; END $$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.annotators (
    pk bigint NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.annotators_pk_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.annotators_pk_seq OWNED BY public.annotators.pk;
CREATE TABLE public.assignments (
    document_pk bigint NOT NULL,
    annotator_pk bigint NOT NULL,
    assigned_at timestamp with time zone NOT NULL
);
CREATE TABLE public.audit_log (
    pk bigint NOT NULL,
    project_pk bigint,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    action character varying(40) NOT NULL,
    detail text NOT NULL
);
CREATE SEQUENCE public.audit_log_pk_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.audit_log_pk_seq OWNED BY public.audit_log.pk;
CREATE TABLE public.checkpoints (
    pk bigint NOT NULL,
    version text NOT NULL,
    path text NOT NULL,
    base text NOT NULL,
    snapshot_sha256 character varying(64) NOT NULL,
    scores text NOT NULL,
    made_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.checkpoints_pk_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.checkpoints_pk_seq OWNED BY public.checkpoints.pk;
CREATE TABLE public.counters (
    project_pk bigint NOT NULL,
    state character varying(20) NOT NULL,
    documents integer NOT NULL
);
CREATE TABLE public.document_labels (
    document_pk bigint NOT NULL,
    kind character varying(20) NOT NULL,
    label text NOT NULL,
    project_pk bigint NOT NULL,
    mentions integer NOT NULL
);
CREATE TABLE public.documents (
    pk bigint NOT NULL,
    project_pk bigint NOT NULL,
    id text NOT NULL,
    sha256 character varying(64) NOT NULL,
    copy integer NOT NULL,
    source text NOT NULL,
    excerpt text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    state character varying(20) NOT NULL,
    revisions integer NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    annotator_pk bigint,
    entities integer NOT NULL,
    relations integer NOT NULL,
    uncertainty double precision NOT NULL,
    mixed double precision NOT NULL,
    shuffle double precision NOT NULL,
    profile character varying(16) NOT NULL,
    turn double precision NOT NULL,
    suggested integer NOT NULL
);
CREATE TABLE public.documents_fts (
    rowid bigint NOT NULL,
    words tsvector
);
CREATE SEQUENCE public.documents_pk_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.documents_pk_seq OWNED BY public.documents.pk;
CREATE TABLE public.extractions (
    pk bigint NOT NULL,
    document_pk bigint NOT NULL,
    model_version text NOT NULL,
    schema_sha256 character varying(64) NOT NULL,
    label_version integer NOT NULL,
    floor text NOT NULL,
    windows text NOT NULL,
    graph text NOT NULL,
    sha256 character varying(64) NOT NULL,
    saved_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.extractions_pk_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.extractions_pk_seq OWNED BY public.extractions.pk;
CREATE TABLE public.heads (
    document_pk bigint NOT NULL,
    annotator_pk bigint NOT NULL,
    revision_pk bigint NOT NULL,
    state character varying(20) NOT NULL
);
CREATE TABLE public.label_sets (
    pk bigint NOT NULL,
    project_pk bigint NOT NULL,
    version integer NOT NULL,
    schema_sha256 character varying(64) NOT NULL,
    renames text NOT NULL,
    reverts integer,
    note text NOT NULL,
    saved_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.label_sets_pk_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.label_sets_pk_seq OWNED BY public.label_sets.pk;
CREATE TABLE public.outbox (
    pk bigint NOT NULL,
    target text NOT NULL,
    document_pk bigint NOT NULL,
    annotator_pk bigint NOT NULL,
    version text NOT NULL,
    answer character varying(64) NOT NULL,
    attempts integer NOT NULL,
    error text NOT NULL,
    retry_at timestamp with time zone,
    sent_at timestamp with time zone
);
CREATE SEQUENCE public.outbox_pk_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.outbox_pk_seq OWNED BY public.outbox.pk;
CREATE TABLE public.projects (
    pk bigint NOT NULL,
    name text NOT NULL,
    guidelines text NOT NULL,
    label_version integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    archived_at timestamp with time zone
);
CREATE SEQUENCE public.projects_pk_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.projects_pk_seq OWNED BY public.projects.pk;
CREATE TABLE public.revisions (
    pk bigint NOT NULL,
    document_pk bigint NOT NULL,
    number integer NOT NULL,
    annotator_pk bigint NOT NULL,
    saved_at timestamp with time zone NOT NULL,
    state character varying(20) NOT NULL,
    note text NOT NULL,
    label_version integer NOT NULL,
    extraction_pk bigint,
    thresholds text,
    decisions text NOT NULL,
    edits text NOT NULL,
    client text NOT NULL,
    seq integer NOT NULL,
    seconds double precision,
    keystrokes integer,
    sha256 character varying(64) NOT NULL
);
CREATE SEQUENCE public.revisions_pk_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.revisions_pk_seq OWNED BY public.revisions.pk;
CREATE TABLE public.schemas (
    sha256 character varying(64) NOT NULL,
    json text NOT NULL
);
CREATE TABLE public.snapshots (
    pk bigint NOT NULL,
    project_pk bigint NOT NULL,
    file text NOT NULL,
    format text NOT NULL,
    sha256 character varying(64) NOT NULL,
    manifest text NOT NULL,
    written_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.snapshots_pk_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.snapshots_pk_seq OWNED BY public.snapshots.pk;
CREATE TABLE public.texts (
    document_pk bigint NOT NULL,
    text text NOT NULL,
    extra text NOT NULL
);
ALTER TABLE ONLY public.annotators ALTER COLUMN pk SET DEFAULT nextval('public.annotators_pk_seq'::regclass);
ALTER TABLE ONLY public.audit_log ALTER COLUMN pk SET DEFAULT nextval('public.audit_log_pk_seq'::regclass);
ALTER TABLE ONLY public.checkpoints ALTER COLUMN pk SET DEFAULT nextval('public.checkpoints_pk_seq'::regclass);
ALTER TABLE ONLY public.documents ALTER COLUMN pk SET DEFAULT nextval('public.documents_pk_seq'::regclass);
ALTER TABLE ONLY public.extractions ALTER COLUMN pk SET DEFAULT nextval('public.extractions_pk_seq'::regclass);
ALTER TABLE ONLY public.label_sets ALTER COLUMN pk SET DEFAULT nextval('public.label_sets_pk_seq'::regclass);
ALTER TABLE ONLY public.outbox ALTER COLUMN pk SET DEFAULT nextval('public.outbox_pk_seq'::regclass);
ALTER TABLE ONLY public.projects ALTER COLUMN pk SET DEFAULT nextval('public.projects_pk_seq'::regclass);
ALTER TABLE ONLY public.revisions ALTER COLUMN pk SET DEFAULT nextval('public.revisions_pk_seq'::regclass);
ALTER TABLE ONLY public.snapshots ALTER COLUMN pk SET DEFAULT nextval('public.snapshots_pk_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0006');
INSERT INTO public.annotators VALUES (1, 'ann', '2026-11-23 11:30:03+00');
INSERT INTO public.annotators VALUES (2, 'bob', '2026-11-23 11:30:06+00');
INSERT INTO public.assignments VALUES (2, 1, '2026-11-23 11:30:01+00');
INSERT INTO public.audit_log VALUES (1, 1, '2026-11-23 11:30:00+00', 'ann', 'documents shared out', '{"team": ["ann"]}');
INSERT INTO public.counters VALUES (1, 'flagged', 0);
INSERT INTO public.counters VALUES (1, 'in progress', 0);
INSERT INTO public.counters VALUES (1, 'submitted', 1);
INSERT INTO public.counters VALUES (1, 'new', 1);
INSERT INTO public.counters VALUES (1, 'skipped', 1);
INSERT INTO public.counters VALUES (1, 'left out', 0);
INSERT INTO public.document_labels VALUES (1, 'suggested entity', 'person', 1, 1);
INSERT INTO public.document_labels VALUES (1, 'suggested entity', 'place', 1, 1);
INSERT INTO public.document_labels VALUES (1, 'suggested relation', 'born in', 1, 1);
INSERT INTO public.document_labels VALUES (1, 'entity', 'person', 1, 1);
INSERT INTO public.document_labels VALUES (1, 'entity', 'place', 1, 1);
INSERT INTO public.document_labels VALUES (1, 'relation', 'born in', 1, 1);
INSERT INTO public.documents VALUES (2, 1, 'niels', '5085424d764829f60f8f1ee30544cbe113769c45ceb30c1b3023194a1d7a9fb7', 0, 'people.txt', 'Niels Bohr visited Zürich for the Institut.', '2026-11-23 11:30:01+00', 'new', 0, '2026-11-23 11:30:01+00', NULL, 0, 0, -1, -1, 0.8402991670425841, '', 0.8402991670425841, 0);
INSERT INTO public.documents VALUES (1, 1, 'ada', '682bba2707adb4e2e80466721faa40c4d1ceaf727fefb2499f02e0d0813ab683', 0, 'people.txt', 'Ada Lovelace was born in London. 😀', '2026-11-23 11:30:01+00', 'submitted', 2, '2026-11-23 11:30:04+00', 1, 2, 1, 0.6499999999999999, 0.6499999999999999, 0.27554911858619136, 'c3fa62f72d1aa637', 0.27554911858619136, 2);
INSERT INTO public.documents VALUES (3, 1, 'cafe', 'cf9f73629f93b56797fe9d4b326786224df2d3d202ee0b7a1a2a99551e9a0244', 0, 'places.txt', 'The café in 東京 is small.', '2026-11-23 11:30:01+00', 'skipped', 1, '2026-11-23 11:30:06+00', 2, 0, 0, -1, -1, 0.9353730113008432, '', 0.9353730113008432, 0);
INSERT INTO public.documents_fts VALUES (1, '''ada'' ''born'' ''in'' ''london'' ''lovelace'' ''people'' ''txt'' ''was'' ''1''');
INSERT INTO public.documents_fts VALUES (2, '''bohr'' ''for'' ''institut'' ''niels'' ''people'' ''the'' ''txt'' ''visited'' ''zurich'' ''1''');
INSERT INTO public.documents_fts VALUES (3, '''cafe'' ''in'' ''is'' ''places'' ''small'' ''the'' ''txt'' ''京'' ''東'' ''1''');
INSERT INTO public.extractions VALUES (1, 1, 'mini-1', 'beedff52226ee472939c170c9476865f7365acdedc1f15ac7fdef76d7144446e', 1, '{"entity":0.1,"relation":0.1,"entities":[],"relations":[]}', '[]', '{"entities":[{"id":"0:12:person","start":0,"end":12,"label":"person","score":0.9},{"id":"25:31:place","start":25,"end":31,"label":"place","score":0.4}],"relations":[{"head":"0:12:person","tail":"25:31:place","label":"born in","score":0.6}]}', 'fe7898263ccbc08aaea30ff1747e77c72da1570574cdcab7003219d7a0cb83bb', '2026-11-23 11:30:02+00');
INSERT INTO public.heads VALUES (1, 1, 2, 'submitted');
INSERT INTO public.heads VALUES (3, 2, 3, 'skipped');
INSERT INTO public.label_sets VALUES (1, 1, 1, 'beedff52226ee472939c170c9476865f7365acdedc1f15ac7fdef76d7144446e', '{"entities": {}, "relations": {}}', NULL, '', '2026-11-23 11:30:00+00');
INSERT INTO public.label_sets VALUES (2, 1, 2, '6d9f666374220ce5b7d619d4bd1344dc195685fb01dc8abea3edf905fa48868d', '{"entities": {}, "relations": {}}', NULL, '', '2026-11-23 11:30:05+00');
INSERT INTO public.outbox VALUES (1, 'http://argilla.example letters letters-0', 1, 0, '1', '', 0, '', NULL, '2026-11-23 11:30:01+00');
INSERT INTO public.projects VALUES (1, 'letters', 'Mark people.', 2, '2026-11-23 11:30:00+00', NULL);
INSERT INTO public.revisions VALUES (1, 1, 1, 1, '2026-11-23 11:30:03+00', 'in progress', '', 1, 1, NULL, '{"entities":[{"id":"0:12:person","start":0,"end":12,"label":"person","score":null}],"relations":[],"rejected":{"entities":[],"relations":[]}}', '[]', 'tab', 2, NULL, NULL, '3590d8702dc272b72235db12a817dd7a779a8bb6d5b512b32cc34ff8e934158e');
INSERT INTO public.revisions VALUES (2, 1, 2, 1, '2026-11-23 11:30:04+00', 'submitted', 'sure', 1, 1, '{"entity":0.3,"relation":0.5,"entities":[],"relations":[]}', '{"entities":[{"id":"0:12:person","start":0,"end":12,"label":"person","score":null},{"id":"25:31:place","start":25,"end":31,"label":"place","score":null}],"relations":[{"head":"0:12:person","tail":"25:31:place","label":"born in","score":null}],"rejected":{"entities":[],"relations":[]}}', '[]', 'tab', 3, 12.5, 7, '7d5360802df86b7178648194ed89181bdd5a6987c92fece2b3c9be9969d1a559');
INSERT INTO public.revisions VALUES (3, 3, 1, 2, '2026-11-23 11:30:06+00', 'skipped', '', 2, NULL, NULL, '{"entities":[],"relations":[],"rejected":{"entities":[],"relations":[]}}', '[]', '', 0, NULL, NULL, 'ecc33b97e8ac1174c5802e1cb39eb40483b5b93c505e2abbc240452e442c89c2');
INSERT INTO public.schemas VALUES ('beedff52226ee472939c170c9476865f7365acdedc1f15ac7fdef76d7144446e', '{"entity_labels":[{"name":"person","description":"","color":0,"letter":"P","hidden":false},{"name":"place","description":"","color":1,"letter":"L","hidden":false},{"name":"organization","description":"","color":2,"letter":"O","hidden":false}],"relation_labels":[{"name":"born in","description":"","head_types":[],"tail_types":[],"symmetric":false,"inverse":"","color":0,"hidden":false},{"name":"works for","description":"","head_types":[],"tail_types":[],"symmetric":false,"inverse":"","color":1,"hidden":false}]}');
INSERT INTO public.schemas VALUES ('6d9f666374220ce5b7d619d4bd1344dc195685fb01dc8abea3edf905fa48868d', '{"entity_labels":[{"name":"person","description":"","color":0,"letter":"P","hidden":false},{"name":"place","description":"","color":1,"letter":"L","hidden":false},{"name":"organization","description":"","color":2,"letter":"O","hidden":false},{"name":"event","description":"","color":3,"letter":"E","hidden":false}],"relation_labels":[{"name":"born in","description":"","head_types":[],"tail_types":[],"symmetric":false,"inverse":"","color":0,"hidden":false},{"name":"works for","description":"","head_types":[],"tail_types":[],"symmetric":false,"inverse":"","color":1,"hidden":false}]}');
INSERT INTO public.texts VALUES (1, 'Ada Lovelace was born in London. 😀', '');
INSERT INTO public.texts VALUES (2, 'Niels Bohr visited Zürich for the Institut.', '{"format": "relex-jsonl"}');
INSERT INTO public.texts VALUES (3, 'The café in 東京 is small.', '');
SELECT pg_catalog.setval('public.annotators_pk_seq', 2, true);
SELECT pg_catalog.setval('public.audit_log_pk_seq', 1, true);
SELECT pg_catalog.setval('public.checkpoints_pk_seq', 1, false);
SELECT pg_catalog.setval('public.documents_pk_seq', 3, true);
SELECT pg_catalog.setval('public.extractions_pk_seq', 1, true);
SELECT pg_catalog.setval('public.label_sets_pk_seq', 2, true);
SELECT pg_catalog.setval('public.outbox_pk_seq', 1, true);
SELECT pg_catalog.setval('public.projects_pk_seq', 1, true);
SELECT pg_catalog.setval('public.revisions_pk_seq', 3, true);
SELECT pg_catalog.setval('public.snapshots_pk_seq', 1, false);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.documents_fts
    ADD CONSTRAINT documents_fts_pkey PRIMARY KEY (rowid);
ALTER TABLE ONLY public.annotators
    ADD CONSTRAINT pk_annotators PRIMARY KEY (pk);
ALTER TABLE ONLY public.assignments
    ADD CONSTRAINT pk_assignments PRIMARY KEY (document_pk, annotator_pk);
ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT pk_audit_log PRIMARY KEY (pk);
ALTER TABLE ONLY public.checkpoints
    ADD CONSTRAINT pk_checkpoints PRIMARY KEY (pk);
ALTER TABLE ONLY public.counters
    ADD CONSTRAINT pk_counters PRIMARY KEY (project_pk, state);
ALTER TABLE ONLY public.document_labels
    ADD CONSTRAINT pk_document_labels PRIMARY KEY (document_pk, kind, label);
ALTER TABLE ONLY public.documents
    ADD CONSTRAINT pk_documents PRIMARY KEY (pk);
ALTER TABLE ONLY public.extractions
    ADD CONSTRAINT pk_extractions PRIMARY KEY (pk);
ALTER TABLE ONLY public.heads
    ADD CONSTRAINT pk_heads PRIMARY KEY (document_pk, annotator_pk);
ALTER TABLE ONLY public.label_sets
    ADD CONSTRAINT pk_label_sets PRIMARY KEY (pk);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT pk_outbox PRIMARY KEY (pk);
ALTER TABLE ONLY public.projects
    ADD CONSTRAINT pk_projects PRIMARY KEY (pk);
ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT pk_revisions PRIMARY KEY (pk);
ALTER TABLE ONLY public.schemas
    ADD CONSTRAINT pk_schemas PRIMARY KEY (sha256);
ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT pk_snapshots PRIMARY KEY (pk);
ALTER TABLE ONLY public.texts
    ADD CONSTRAINT pk_texts PRIMARY KEY (document_pk);
ALTER TABLE ONLY public.annotators
    ADD CONSTRAINT uq_annotators_name UNIQUE (name);
ALTER TABLE ONLY public.checkpoints
    ADD CONSTRAINT uq_checkpoints_version UNIQUE (version);
ALTER TABLE ONLY public.documents
    ADD CONSTRAINT uq_documents_project_pk_id UNIQUE (project_pk, id);
ALTER TABLE ONLY public.documents
    ADD CONSTRAINT uq_documents_project_pk_sha256_copy UNIQUE (project_pk, sha256, copy);
ALTER TABLE ONLY public.extractions
    ADD CONSTRAINT uq_extractions_document_pk_sha256 UNIQUE (document_pk, sha256);
ALTER TABLE ONLY public.label_sets
    ADD CONSTRAINT uq_label_sets_project_pk_version UNIQUE (project_pk, version);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT uq_outbox_document_pk_annotator_pk_target UNIQUE (document_pk, annotator_pk, target);
ALTER TABLE ONLY public.projects
    ADD CONSTRAINT uq_projects_name UNIQUE (name);
ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT uq_revisions_document_pk_number UNIQUE (document_pk, number);
CREATE INDEX ix_assignments_annotator ON public.assignments USING btree (annotator_pk, document_pk);
CREATE INDEX ix_audit_log_action ON public.audit_log USING btree (action, pk);
CREATE INDEX ix_audit_log_by ON public.audit_log USING btree (by, pk);
CREATE INDEX ix_audit_log_project ON public.audit_log USING btree (project_pk, pk);
CREATE INDEX ix_document_labels_label ON public.document_labels USING btree (project_pk, label, document_pk);
CREATE INDEX ix_documents_file ON public.documents USING btree (project_pk, state, pk);
CREATE INDEX ix_documents_fts_words ON public.documents_fts USING gin (words);
CREATE INDEX ix_documents_mixed ON public.documents USING btree (project_pk, state, mixed, pk);
CREATE INDEX ix_documents_profile ON public.documents USING btree (project_pk, profile, turn);
CREATE INDEX ix_documents_shuffle ON public.documents USING btree (project_pk, state, shuffle, pk);
CREATE INDEX ix_documents_turn ON public.documents USING btree (project_pk, state, turn, pk);
CREATE INDEX ix_documents_uncertainty ON public.documents USING btree (project_pk, state, uncertainty, pk);
CREATE INDEX ix_documents_updated ON public.documents USING btree (project_pk, state, updated_at, pk);
CREATE INDEX ix_heads_annotator ON public.heads USING btree (annotator_pk, document_pk);
CREATE INDEX ix_revisions_client ON public.revisions USING btree (document_pk, client, seq);
CREATE TRIGGER audit_log_only_added BEFORE DELETE OR UPDATE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION public.relex_only_added();
CREATE TRIGGER checkpoints_only_added BEFORE DELETE OR UPDATE ON public.checkpoints FOR EACH ROW EXECUTE FUNCTION public.relex_only_added();
CREATE TRIGGER extractions_only_added BEFORE DELETE OR UPDATE ON public.extractions FOR EACH ROW EXECUTE FUNCTION public.relex_only_added();
CREATE TRIGGER label_sets_only_added BEFORE DELETE OR UPDATE ON public.label_sets FOR EACH ROW EXECUTE FUNCTION public.relex_only_added();
CREATE TRIGGER revisions_only_added BEFORE DELETE OR UPDATE ON public.revisions FOR EACH ROW EXECUTE FUNCTION public.relex_only_added();
CREATE TRIGGER schemas_only_added BEFORE DELETE OR UPDATE ON public.schemas FOR EACH ROW EXECUTE FUNCTION public.relex_only_added();
CREATE TRIGGER snapshots_only_added BEFORE DELETE OR UPDATE ON public.snapshots FOR EACH ROW EXECUTE FUNCTION public.relex_only_added();
CREATE TRIGGER texts_only_added BEFORE DELETE OR UPDATE ON public.texts FOR EACH ROW EXECUTE FUNCTION public.relex_only_added();
ALTER TABLE ONLY public.documents_fts
    ADD CONSTRAINT documents_fts_rowid_fkey FOREIGN KEY (rowid) REFERENCES public.documents(pk);
ALTER TABLE ONLY public.assignments
    ADD CONSTRAINT fk_assignments_annotator_pk FOREIGN KEY (annotator_pk) REFERENCES public.annotators(pk);
ALTER TABLE ONLY public.assignments
    ADD CONSTRAINT fk_assignments_document_pk FOREIGN KEY (document_pk) REFERENCES public.documents(pk);
ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT fk_audit_log_project_pk FOREIGN KEY (project_pk) REFERENCES public.projects(pk);
ALTER TABLE ONLY public.counters
    ADD CONSTRAINT fk_counters_project_pk FOREIGN KEY (project_pk) REFERENCES public.projects(pk);
ALTER TABLE ONLY public.document_labels
    ADD CONSTRAINT fk_document_labels_document_pk FOREIGN KEY (document_pk) REFERENCES public.documents(pk);
ALTER TABLE ONLY public.document_labels
    ADD CONSTRAINT fk_document_labels_project_pk FOREIGN KEY (project_pk) REFERENCES public.projects(pk);
ALTER TABLE ONLY public.documents
    ADD CONSTRAINT fk_documents_annotator_pk FOREIGN KEY (annotator_pk) REFERENCES public.annotators(pk);
ALTER TABLE ONLY public.documents
    ADD CONSTRAINT fk_documents_project_pk FOREIGN KEY (project_pk) REFERENCES public.projects(pk);
ALTER TABLE ONLY public.extractions
    ADD CONSTRAINT fk_extractions_document_pk FOREIGN KEY (document_pk) REFERENCES public.documents(pk);
ALTER TABLE ONLY public.extractions
    ADD CONSTRAINT fk_extractions_schema_sha256 FOREIGN KEY (schema_sha256) REFERENCES public.schemas(sha256);
ALTER TABLE ONLY public.heads
    ADD CONSTRAINT fk_heads_annotator_pk FOREIGN KEY (annotator_pk) REFERENCES public.annotators(pk);
ALTER TABLE ONLY public.heads
    ADD CONSTRAINT fk_heads_document_pk FOREIGN KEY (document_pk) REFERENCES public.documents(pk);
ALTER TABLE ONLY public.heads
    ADD CONSTRAINT fk_heads_revision_pk FOREIGN KEY (revision_pk) REFERENCES public.revisions(pk);
ALTER TABLE ONLY public.label_sets
    ADD CONSTRAINT fk_label_sets_project_pk FOREIGN KEY (project_pk) REFERENCES public.projects(pk);
ALTER TABLE ONLY public.label_sets
    ADD CONSTRAINT fk_label_sets_schema_sha256 FOREIGN KEY (schema_sha256) REFERENCES public.schemas(sha256);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT fk_outbox_document_pk FOREIGN KEY (document_pk) REFERENCES public.documents(pk);
ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT fk_revisions_annotator_pk FOREIGN KEY (annotator_pk) REFERENCES public.annotators(pk);
ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT fk_revisions_document_pk FOREIGN KEY (document_pk) REFERENCES public.documents(pk);
ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT fk_revisions_extraction_pk FOREIGN KEY (extraction_pk) REFERENCES public.extractions(pk);
ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT fk_snapshots_project_pk FOREIGN KEY (project_pk) REFERENCES public.projects(pk);
ALTER TABLE ONLY public.texts
    ADD CONSTRAINT fk_texts_document_pk FOREIGN KEY (document_pk) REFERENCES public.documents(pk);
