-- The card index of the winter 2023/24, typed in by Zoë and Łukasz.
-- Ids are given here so that the printed QR stickers keep working.

INSERT INTO "branches" ("slug", "name", "opening_hours") VALUES
    ('hoengg', 'Höngg, Limmattalstrasse', '{"tue": "17:00–19:30", "sat": "09:00–12:00"}'),
    ('oerlikon', 'Oerlikon, Markthalle', '{"wed": "17:00–20:00"}'),
    ('wiedikon', 'Wiedikon, Alte Schmiede', '{"thu": "18:00–20:00", "sat": "10:00–13:00"}');

INSERT INTO "categories" ("slug", "name") VALUES
    ('garden', 'Garden'),
    ('workshop', 'Workshop'),
    ('festivities', 'Festivities');

INSERT INTO "categories" ("slug", "name", "parent_id")
SELECT v."slug", v."name", p."id"
FROM (VALUES
    ('hedges', 'Hedges and trees', 'garden'),
    ('drilling', 'Drilling', 'workshop'),
    ('sanding', 'Sanding & grinding', 'workshop')
) AS v ("slug", "name", "parent")
JOIN "categories" p ON p."slug" = v."parent";

INSERT INTO "vendors" ("name", "website") VALUES
    ('Eisenwaren Käch', 'https://kaech.example/'),
    ('Outillage Béguin SA', NULL),
    ('Second-hand', NULL);

INSERT INTO "members" ("id", "email", "full_name", "status", "home_branch_id", "joined_at") VALUES
    ('6513270e-269e-4d37-b2a7-4de452e6b438', 'zoe@example.org', 'Zoë Brügger', 'ACTIVE', 1, '2023-10-03 18:20:00+02'),
    ('d23f0824-128b-4f33-8c5c-7fd0a6a3a450', 'lukasz@example.org', 'Łukasz Wójcik', 'ACTIVE', 1, '2023-10-03 18:45:00+02'),
    ('9531985d-5d9d-49f8-9818-e811892f902b', 'nadege@example.org', 'Nadège Rochat', 'ACTIVE', 3, '2023-11-11 10:05:00+01'),
    ('36f675cc-81e7-4ef5-a8e2-5d940ed90475', 'siobhan@example.org', 'Siobhán O''Connell', 'ACTIVE', 2, '2023-12-06 17:31:00+01'),
    ('6b0d549b-6f03-475a-9600-a35a099950d8', 'amelie@example.org', 'Amélie de Watteville', 'PENDING', 3, '2024-02-17 11:12:00+01'),
    ('8d116ece-1738-47d9-bd9c-172411e20b8f', 'juerg@example.org', 'Jürg Öttli', 'LEFT', NULL, '2023-10-10 19:00:00+02');

INSERT INTO "tools" ("id", "name", "condition", "deposit", "specs", "bought_on", "created_at", "branch_id", "category_id", "vendor_id")
SELECT v."id"::uuid, v."name", v."condition"::"tool_condition", v."deposit", v."specs"::jsonb, v."bought_on"::date,
       '2024-03-04 20:00:00+01', b."id", c."id", s."id"
FROM (VALUES
    ('0cb1e29c-658c-4a14-95e6-0af593bd04cf', 'Hammer drill 800 W', 'GOOD', 80.00, '{"watts": 800, "chuck_mm": 13}', '2023-10-20', 'hoengg', 'drilling', 'Eisenwaren Käch'),
    ('0fd630f1-f29d-4da9-953f-48f1a09f76b5', 'Hedge trimmer', 'WORN', 60.00, '{"blade_cm": 55, "cordless": true}', '2022-05-01', 'hoengg', 'hedges', 'Second-hand'),
    ('6b4cb242-4a23-4596-a217-beaddbc496cb', 'Belt sander', 'GOOD', 70.00, '{"watts": 1010}', '2023-11-02', 'wiedikon', 'sanding', 'Outillage Béguin SA'),
    ('8e81973e-0bec-47b0-b898-d190f9ebdacc', 'Raclette grill for 8', 'NEW', 40.00, NULL, '2024-01-08', 'oerlikon', 'festivities', 'Eisenwaren Käch'),
    ('90c192cf-d3ac-44af-8f21-ddb66cad4a26', 'Extension ladder 6 m', 'GOOD', 100.00, '{"metres": 6}', NULL, 'wiedikon', 'workshop', 'Second-hand'),
    ('92276658-1e27-41c0-8a6a-63ec24ede6a4', 'Party tent 3 × 6 m', 'BROKEN', 120.00, '{"poles": 24, "missing": ["pole 7"]}', '2021-06-15', 'oerlikon', 'festivities', 'Second-hand'),
    ('a170b338-3926-4059-b28c-105d1fb17c23', 'Cordless screwdriver', 'NEW', 50.00, '{"volts": 18}', '2024-02-26', 'hoengg', 'drilling', 'Eisenwaren Käch')
) AS v ("id", "name", "condition", "deposit", "specs", "bought_on", "branch", "category", "vendor")
JOIN "branches" b ON b."slug" = v."branch"
LEFT JOIN "categories" c ON c."slug" = v."category"
LEFT JOIN "vendors" s ON s."name" = v."vendor"
ORDER BY v."id";

INSERT INTO "loans" ("tool_id", "member_id", "lent_at", "due_on", "returned_at", "condition_back", "note") VALUES
    ('0cb1e29c-658c-4a14-95e6-0af593bd04cf', 'd23f0824-128b-4f33-8c5c-7fd0a6a3a450', '2023-11-07 17:40:00+01', '2023-11-14', '2023-11-14 17:10:00+01', 'GOOD', NULL),
    ('6b4cb242-4a23-4596-a217-beaddbc496cb', '9531985d-5d9d-49f8-9818-e811892f902b', '2023-12-02 10:30:00+01', '2023-12-09', '2023-12-16 12:00:00+01', 'WORN', 'A week late; belt torn, she bought a new one'),
    ('8e81973e-0bec-47b0-b898-d190f9ebdacc', '36f675cc-81e7-4ef5-a8e2-5d940ed90475', '2024-01-10 17:15:00+01', '2024-01-17', '2024-01-17 19:55:00+01', 'GOOD', 'Returned clean; thanks!'),
    ('0cb1e29c-658c-4a14-95e6-0af593bd04cf', '6513270e-269e-4d37-b2a7-4de452e6b438', '2024-02-20 18:00:00+01', '2024-02-27', NULL, NULL, NULL),
    ('90c192cf-d3ac-44af-8f21-ddb66cad4a26', '9531985d-5d9d-49f8-9818-e811892f902b', '2024-02-29 18:10:00+01', '2024-03-07', NULL, NULL, 'For the gutter; asked for a second week');

INSERT INTO "reservations" ("id", "tool_id", "member_id", "starts_on", "ends_on", "created_at") VALUES
    ('923a7369-94e3-4f91-9a61-dbe22e44158b', '0fd630f1-f29d-4da9-953f-48f1a09f76b5', 'd23f0824-128b-4f33-8c5c-7fd0a6a3a450', '2024-04-06', '2024-04-13', '2024-03-02 09:48:00+01'),
    ('ae97ba94-d0ed-482f-8f6d-05584ef8aa38', '8e81973e-0bec-47b0-b898-d190f9ebdacc', '36f675cc-81e7-4ef5-a8e2-5d940ed90475', '2024-12-31', '2025-01-02', '2024-03-04 19:02:00+01');
