from django.db import migrations

# One number to ask for: whatever a type is made of, a change of it is a change of the type's row.
STAMP = """
CREATE FUNCTION notifysite_type_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_at := greatest(clock_timestamp(), OLD.changed_at + interval '1 microsecond');
    RETURN NEW;
END $$;
CREATE TRIGGER notification_type_changed BEFORE INSERT OR UPDATE ON notification_type
    FOR EACH ROW EXECUTE FUNCTION notifysite_type_changed();

CREATE FUNCTION notifysite_type_part_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE notification_type SET changed_at = changed_at WHERE id IN (OLD.type_id, NEW.type_id);
    RETURN NULL;
END $$;
CREATE TRIGGER notification_step_changed AFTER INSERT OR UPDATE OR DELETE ON notification_step
    FOR EACH ROW EXECUTE FUNCTION notifysite_type_part_changed();
CREATE TRIGGER template_changed AFTER UPDATE OF type_id, channel, locale ON template
    FOR EACH ROW EXECUTE FUNCTION notifysite_type_part_changed();

CREATE FUNCTION notifysite_type_words_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE notification_type SET changed_at = notification_type.changed_at
    FROM template
    WHERE template.type_id = notification_type.id
        AND template.id IN (OLD.template_id, NEW.template_id);
    RETURN NULL;
END $$;
CREATE TRIGGER template_version_changed AFTER INSERT OR DELETE OR UPDATE OF state, template_id
    ON template_version FOR EACH ROW EXECUTE FUNCTION notifysite_type_words_changed();

CREATE FUNCTION notifysite_type_category_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE notification_type SET changed_at = changed_at WHERE category_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER category_changed AFTER UPDATE ON category
    FOR EACH ROW EXECUTE FUNCTION notifysite_type_category_changed();
"""
UNSTAMP = """
DROP TRIGGER category_changed ON category;
DROP FUNCTION notifysite_type_category_changed();
DROP TRIGGER template_version_changed ON template_version;
DROP FUNCTION notifysite_type_words_changed();
DROP TRIGGER template_changed ON template;
DROP TRIGGER notification_step_changed ON notification_step;
DROP FUNCTION notifysite_type_part_changed();
DROP TRIGGER notification_type_changed ON notification_type;
DROP FUNCTION notifysite_type_changed();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0004_planning_broken_off"),
        ("preferences", "0001_initial"),
    ]
    operations = [migrations.RunSQL(STAMP, UNSTAMP)]
