from django.db import migrations

FREEZE = """
CREATE FUNCTION notifysite_version_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.published_at IS NOT NULL AND (
        NEW.source IS DISTINCT FROM OLD.source
        OR NEW.number IS DISTINCT FROM OLD.number
        OR NEW.published_at IS DISTINCT FROM OLD.published_at
        OR to_jsonb(NEW) -> 'compiled' IS DISTINCT FROM to_jsonb(OLD) -> 'compiled'
    ) THEN
        RAISE EXCEPTION 'version % of % was published and stays as it is', OLD.number, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER template_version_stays BEFORE UPDATE ON template_version
    FOR EACH ROW EXECUTE FUNCTION notifysite_version_stays();
CREATE TRIGGER layout_version_stays BEFORE UPDATE ON layout_version
    FOR EACH ROW EXECUTE FUNCTION notifysite_version_stays();
"""
THAW = """
DROP TRIGGER layout_version_stays ON layout_version;
DROP TRIGGER template_version_stays ON template_version;
DROP FUNCTION notifysite_version_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]
    operations = [migrations.RunSQL(FREEZE, THAW)]
